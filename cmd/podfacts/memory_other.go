//go:build !linux

package main

// releaseStartup is for Linux, where podfacts runs in pods.
func releaseStartup() {}
