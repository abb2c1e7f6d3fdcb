//go:build !linux

// Command bench measures msg against wall(1); it needs Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: needs Linux: it compares msg with wall(1) on pseudo-terminals")
	os.Exit(2)
}
