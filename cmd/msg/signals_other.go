//go:build !unix

package main

import "os"

// ignored is empty: the signals are those of Unix.
var ignored []os.Signal
