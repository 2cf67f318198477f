package main

import (
	"os"
	"runtime"

	"github.com/podfacts/podfacts/agent/config"
)

const (
	// oneProcessor is enough for following and rendering.
	oneProcessor = 1
	// twoProcessors are for the proxy: with one, a request waits for another's
	// answer to be copied, and takes a tenth longer.
	twoProcessors = 2
)

// giveBack makes what returns the memory that a configuration does not need once
// all is quiet.
func giveBack(c *config.Config) func() {
	processors := oneProcessor
	if c.Proxy.Listen != "" {
		processors = twoProcessors
	}
	return func() { releaseStartup(processors) }
}

// keepProcessors gives back all but a few processors, since each one of a large
// node costs memory. GOMAXPROCS in the environment has the last word.
func keepProcessors(n int) {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) > n {
		runtime.GOMAXPROCS(n)
	}
}
