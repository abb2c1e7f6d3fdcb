//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// startSession starts cmd as the leader of a session on its standard input,
// as login(1) starts a shell.
func startSession(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return cmd.Start()
}
