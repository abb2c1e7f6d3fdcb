package login

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"
)

// terminalFile is the terminal of this process, whatever its input is.
const terminalFile = "/dev/tty"

// AskTerminal asks for a password at the terminal of this process, which does
// not show what is typed. The end of ctx ends it and leaves the terminal as it
// was.
func AskTerminal(ctx context.Context, prompt string) (string, error) {
	tty, err := os.OpenFile(terminalFile, os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoTerminal, err)
	}
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		tty.Close()
		return "", fmt.Errorf("state of the terminal: %w", err)
	}
	fmt.Fprint(tty, prompt)
	type typed struct {
		password []byte
		err      error
	}
	done := make(chan typed, 1)
	go func() { // a read from a terminal cannot be ended from outside
		p, err := term.ReadPassword(fd)
		done <- typed{p, err}
	}()
	select {
	case t := <-done:
		defer tty.Close()
		fmt.Fprintln(tty)
		if t.err != nil {
			return "", errors.New("nothing was typed")
		}
		return string(t.password), nil
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		fmt.Fprintln(tty)
		return "", context.Cause(ctx)
	}
}
