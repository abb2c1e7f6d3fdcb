//go:build !windows

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"msg"
	"msg/internal/account"
	"msg/internal/control"
)

// openRPC is nil: only Windows has remote calls of its own.
var openRPC func(name string) (msg.Host, error)

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
