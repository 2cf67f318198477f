//go:build !unix

package downward

const nonblock = 0 // no FIFOs there
