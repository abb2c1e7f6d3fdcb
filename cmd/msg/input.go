package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

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
		b, err = readUpTo(ctx, p.in, cli.MaxInput+1)
		p.heedInterrupt(ctx, b)
		if err == nil {
			text, replaced, err = cli.Stdin(console.Input(p.in, b, p.utf8))
		}
	}
	if replaced > 0 {
		ui.note(cli.ReplacedLine(replaced))
	}
	return text, err
}

// interruptDelay is how long the signal may come after the end of the input.
const interruptDelay = 200 * time.Millisecond

// heedInterrupt waits for the signal that may belong to an empty input: on a
// console of Windows Ctrl-C ends the input as well, and does so first.
func (p program) heedInterrupt(ctx context.Context, b []byte) {
	if runtime.GOOS != "windows" || len(b) > 0 || !p.terminal(p.in) {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(interruptDelay):
	}
}

// endOfFile is what ends the input of a terminal.
func endOfFile() string {
	if runtime.GOOS == "windows" {
		return "Ctrl-Z Enter"
	}
	return "Ctrl-D"
}

// readUpTo reads at most n bytes.
func readUpTo(ctx context.Context, r io.Reader, n int64) ([]byte, error) {
	b, err := cli.Await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(r, n)) })
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("reading the message from standard input: %w", err)
	}
	return b, err
}

// readList reads a recipient or host file; "-" is standard input.
func (p program) readList(ctx context.Context, name string) ([]byte, error) {
	return cli.ReadListFile(ctx, name, func() ([]byte, error) {
		b, err := cli.ReadList(p.in)
		return console.Input(p.in, b, p.utf8), err
	})
}
