//go:build !windows

package main

import (
	"os"
	"path/filepath"

	"msg/internal/daemon"
)

// startHint is how to have a msgd.
const startHint = "root starts it with: systemctl start msgd.socket"

// defaultConfig is where the configuration is unless a flag says otherwise.
func defaultConfig() string { return "/etc/msg/msgd.toml" }

func defaultJournal() string { return daemon.DefaultJournal }

func defaultFleet() string { return daemon.DefaultFleet }

// defaultHub is where a hub is unless a flag says otherwise.
func defaultHub() string { return "/var/lib/msg/hub" }

// makeSocketFolder is for where systemd has not made it. Only root can do that
// in /run.
func makeSocketFolder(path string) error { return os.MkdirAll(filepath.Dir(path), 0o755) }

// checkData leaves it to the rights of the folders.
func checkData(string) error { return nil }
