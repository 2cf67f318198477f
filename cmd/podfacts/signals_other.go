//go:build !unix

package main

import "os"

// hangupSignals is empty where there is no SIGHUP.
func hangupSignals() []os.Signal { return nil }
