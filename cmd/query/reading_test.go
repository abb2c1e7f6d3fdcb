//go:build unix

package main

import (
	"os"
	"testing"

	"msg/internal/hosttest"
)

// TestInterruptReading presses Ctrl-C while a list is read that does not end.
func TestInterruptReading(t *testing.T) {
	code, printed := hosttest.WhileReading(t, func(pipe string) []string {
		return []string{"query", "session", "/server:@" + pipe}
	}, hosttest.Send(os.Interrupt))
	if code != 130 || printed != "" {
		t.Errorf("exits with %d and prints %q", code, printed)
	}
}
