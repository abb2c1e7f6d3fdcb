//go:build unix

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"msg/internal/hosttest"
)

// TestInterruptReading presses Ctrl-C while a list is read that does not end.
func TestInterruptReading(t *testing.T) {
	for name, words := range map[string][]string{
		"waiting": {"/w", "hello"},
		"no text": nil,
		"hosts":   {"/server:localhost", "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			code, printed := hosttest.WhileReading(t, func(pipe string) []string {
				return append([]string{"msg", "@" + pipe}, words...)
			}, hosttest.Send(os.Interrupt))
			if code != 130 || printed != "" {
				t.Errorf("exits with %d and prints %q", code, printed)
			}
		})
	}
}

// TestHangup closes the terminal of a msg that waits, which ends as with Ctrl-C,
// unless nohup(1) has started it.
func TestHangup(t *testing.T) {
	code, printed := hosttest.WhileReading(t, func(pipe string) []string {
		return []string{"msg", "@" + pipe, "/w", "hello"}
	}, hosttest.Send(syscall.SIGHUP))
	if code != 130 || printed != "" {
		t.Errorf("exits with %d and prints %q", code, printed)
	}
	code, printed = hosttest.WhileReading(t, func(pipe string) []string {
		return []string{"sh", "-c", `trap "" HUP; exec msg @"$1" /w hello`, "sh", pipe}
	}, func(p *os.Process, w *os.File) error {
		if err := p.Signal(syscall.SIGHUP); err != nil {
			return err
		}
		return w.Close()
	})
	if code != 1 || !strings.Contains(printed, "no recipient is named") {
		t.Errorf("behind nohup: exits with %d and prints %q", code, printed)
	}
}
