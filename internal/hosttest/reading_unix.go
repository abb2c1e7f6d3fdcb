//go:build unix

package hosttest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// WhileReading runs a command that reads the file pipe, calls then when it does,
// with the side on which nobody writes, and returns its exit code and what it has
// printed. A command that goes on all the same is killed.
func WhileReading(t *testing.T, command func(pipe string) []string, then func(p *os.Process, w *os.File) error) (code int, printed string) {
	t.Helper()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	words := command(pipe)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits for the reader
		if err == nil {
			defer w.Close()
			err = then(cmd.Process, w)
			<-ctx.Done()
		}
		done <- err
	}()
	_ = cmd.Wait()
	cancel()
	// One that has ended without reading has left the other side waiting.
	if r, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
		defer r.Close()
	}
	if err := <-done; err != nil {
		t.Fatalf("%v; it printed %q", err, out.String())
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// Send is for WhileReading: it sends a signal.
func Send(s os.Signal) func(*os.Process, *os.File) error {
	return func(p *os.Process, _ *os.File) error { return p.Signal(s) }
}
