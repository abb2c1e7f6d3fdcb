//go:build unix

package main

import (
	"os"
	"syscall"
)

// ignored are signals that would end or stop the command half-way: nobody reads
// what it prints, or its own terminal does not let it write from the background
// (stty tostop). Both come back as errors of writing instead.
var ignored = []os.Signal{syscall.SIGPIPE, syscall.SIGTTOU}
