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

// hangups say that the terminal has gone. What waits is then ended as by Ctrl-C:
// the message is taken away, and so is the socket for its answers.
var hangups = []os.Signal{syscall.SIGHUP}
