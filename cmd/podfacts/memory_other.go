//go:build !linux

package main

// releaseStartup and releaseProgram are for Linux, where podfacts runs in pods.
func releaseStartup(int) {}
func releaseProgram()    {}
