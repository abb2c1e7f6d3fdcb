//go:build !windows

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"msg"
	"msg/internal/account"
	"msg/internal/control"
	"msg/internal/login"
)

// nativeRPC says that the system has no remote calls of its own.
const nativeRPC = false

// openRPC opens a Windows computer; nil in a program that has none, see
// remoteProgram.
var openRPC func(ctx context.Context, name string, from *login.Source) (msg.Host, error)

// remoteProgram is msg once more, with Windows' remote calls. They would make
// every start of this program slower by a quarter: what their libraries do
// before main takes longer than to send a message.
const remoteProgram = "msg-remote"

// runRemote goes on as the program with remote calls, if there is one beside
// this one. Where there is none, other ways may do.
func runRemote() {
	self, err := os.Executable()
	if err != nil {
		return
	}
	bin := filepath.Dir(self)
	for _, path := range []string{filepath.Join(bin, "..", "lib", "msg", remoteProgram), filepath.Join(bin, remoteProgram)} {
		_ = syscall.Exec(path, os.Args, os.Environ()) // does not return if it is there
	}
}

// ownDir is where answers are taken while no msgd runs: root's is for
// everybody, another user's for that user's own terminals.
func ownDir() string {
	if uid := os.Getuid(); uid != 0 {
		return fmt.Sprintf("/run/user/%d/msg", uid) // pam_systemd(8)
	}
	return filepath.Dir(control.Socket)
}

// sender is who sends, on which computer.
func sender() string {
	name, err := os.Hostname()
	if err != nil {
		return account.Caller()
	}
	return account.Caller() + "@" + name
}
