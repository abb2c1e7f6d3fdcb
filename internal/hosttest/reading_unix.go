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

// InterruptReading runs a command that reads the file pipe, from which nothing
// comes, presses Ctrl-C when it does, and returns its exit code and what it has
// printed. A command that goes on all the same is killed.
func InterruptReading(t *testing.T, command func(pipe string) []string) (code int, printed string) {
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
	interrupted := make(chan error, 1)
	go func() {
		w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits for the reader
		if err == nil {
			defer w.Close()
			err = cmd.Process.Signal(os.Interrupt)
			<-ctx.Done()
		}
		interrupted <- err
	}()
	_ = cmd.Wait()
	cancel()
	// One that has ended without reading has left the other side waiting.
	if r, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
		defer r.Close()
	}
	if err := <-interrupted; err != nil {
		t.Fatalf("%v; it printed %q", err, out.String())
	}
	return cmd.ProcessState.ExitCode(), out.String()
}
