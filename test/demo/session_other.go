//go:build !unix

package main

import (
	"errors"
	"os/exec"
)

// startSession says that this system has no terminals of that kind.
func startSession(*exec.Cmd) error { return errors.ErrUnsupported }
