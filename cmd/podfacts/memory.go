package main

import (
	"os"
	"runtime"
)

const (
	// oneProcessor is enough for following and rendering.
	oneProcessor = 1
	// twoProcessors are for the proxy: with one, a request waits for another's
	// answer to be copied, and takes a tenth longer.
	twoProcessors = 2
)

// keepProcessors gives back all but a few processors, since each one of a large
// node costs memory. GOMAXPROCS in the environment has the last word.
func keepProcessors(n int) {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) > n {
		runtime.GOMAXPROCS(n)
	}
}
