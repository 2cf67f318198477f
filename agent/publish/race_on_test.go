//go:build race

package publish_test

// slow says that everything takes several times as long.
const slow = true
