//go:build unix

package main

import (
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
			code, printed := hosttest.InterruptReading(t, func(pipe string) []string {
				return append([]string{"msg", "@" + pipe}, words...)
			})
			if code != 130 || printed != "" {
				t.Errorf("exits with %d and prints %q", code, printed)
			}
		})
	}
}
