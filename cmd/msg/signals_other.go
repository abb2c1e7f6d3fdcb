//go:build !unix

package main

import "os"

// These are empty: the signals are those of Unix.
var ignored, hangups []os.Signal
