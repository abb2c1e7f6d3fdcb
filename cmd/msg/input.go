package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"

	"msg/internal/cli"
	"msg/internal/console"
)

// text returns the message: the words, or what comes from standard input.
func (p program) text(ctx context.Context, m cli.Msg, ui *ui) (string, error) {
	var text string
	var replaced int
	var err error
	if m.Words != nil {
		text, replaced, err = cli.Words(m.Words)
	} else {
		if p.terminal(p.in) {
			fmt.Fprint(p.err, cli.Prompt(endOfFile()))
		}
		var b []byte
		if b, err = readUpTo(ctx, p.in, cli.MaxInput+1); err == nil {
			text, replaced, err = cli.Stdin(console.Input(p.in, b, p.utf8))
		}
	}
	if replaced > 0 {
		ui.note(cli.ReplacedLine(replaced))
	}
	return text, err
}

// endOfFile is what ends the input of a terminal.
func endOfFile() string {
	if runtime.GOOS == "windows" {
		return "Ctrl-Z Enter"
	}
	return "Ctrl-D"
}

// readUpTo reads at most n bytes. A read from a terminal cannot be ended from
// outside, so when ctx ends it is left behind for the process to take along.
func readUpTo(ctx context.Context, r io.Reader, n int64) ([]byte, error) {
	type result struct {
		b   []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		b, err := io.ReadAll(io.LimitReader(r, n))
		done <- result{b, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, fmt.Errorf("reading the message from standard input: %w", r.err)
		}
		return r.b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readList reads a recipient or host file; "-" is standard input.
func (p program) readList(name string) ([]byte, error) {
	if name == "-" {
		b, err := cli.ReadList(p.in)
		return console.Input(p.in, b, p.utf8), err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return cli.ReadList(f)
}
