//go:build !windows

package main

import (
	"os"
	"path/filepath"

	"msg/internal/daemon"
)

// defaultConfig is where the configuration is unless a flag says otherwise.
func defaultConfig() string { return "/etc/msg/msgd.toml" }

func defaultJournal() string { return daemon.DefaultJournal }

// makeSocketFolder is for where systemd has not made it. Only root can do that
// in /run.
func makeSocketFolder(path string) error { return os.MkdirAll(filepath.Dir(path), 0o755) }

// checkData leaves it to the rights of the folders.
func checkData(string) error { return nil }
