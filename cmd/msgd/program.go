package main

import (
	"context"
	"fmt"
	"io"

	"msg/internal/cli"
	"msg/internal/daemon"
)

// computer is what a Daemon decides in front of, with what it takes to know
// all the time who is signed in.
type computer interface {
	daemon.Computer
	Keep(ctx context.Context) error
}

// program is the command with everything that it takes from its process.
type program struct {
	in       io.Reader
	out, err io.Writer
	open     func() (computer, error)
}

// main does what the arguments say and returns the exit code.
func (p program) main(args []string) int {
	c, o, err := parse(args)
	if err != nil {
		fmt.Fprint(p.err, c.usageLines(err))
		return cli.ExitUsage
	}
	out := &cli.Output{W: p.out}
	p.out = out
	code := c.run(p, o)
	if out.Err != nil && code == cli.ExitOK { // a token that nobody has seen, say
		return p.fail(cli.ExitFailed, cli.OutputError(out.Err))
	}
	return code
}

// fail prints an error, with a line for each part, and returns the exit code.
func (p program) fail(code int, err error) int {
	for _, e := range parts(err) {
		fmt.Fprintln(p.err, cli.ErrorLine("msgd", e))
	}
	return code
}

// parts takes apart what errors.Join has put together.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
