//go:build unix

package main

import (
	"testing"

	"msg/internal/hosttest"
)

// TestInterruptReading presses Ctrl-C while a list is read that does not end.
func TestInterruptReading(t *testing.T) {
	code, printed := hosttest.InterruptReading(t, func(pipe string) []string { return []string{"query", "session", "/server:@" + pipe} })
	if code != 130 || printed != "" {
		t.Errorf("exits with %d and prints %q", code, printed)
	}
}
