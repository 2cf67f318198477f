package main

import (
	"os"
	"runtime"
)

// oneProcessor is enough for what there is to do, and each processor of a large
// node would cost memory.
func oneProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}
