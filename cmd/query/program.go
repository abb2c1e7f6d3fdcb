package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"msg"
	"msg/internal/cli"
	"msg/internal/hostname"
	"msg/internal/text"
)

// program is the command with everything that it takes from its process.
type program struct {
	out    *cli.Output
	err    io.Writer
	locale string
	open   func() (msg.Host, error)
}

// main does what the arguments say and returns the exit code. name is how the
// command was called.
func (p program) main(ctx context.Context, name string, args []string) int {
	q, err := cli.ParseQuery(name, args)
	var usage *cli.UsageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprint(p.err, cli.UsageLines("query", err))
		return cli.ExitUsage
	case q.Help:
		fmt.Fprint(p.out, cli.Help("query"))
		return cli.ExitOK
	case q.Version:
		fmt.Fprintln(p.out, "query", cli.Version())
		return cli.ExitOK
	case q.Needs != "":
		return p.fail(cli.NotYet(q.Needs, "this version does not have it"))
	case q.Kind == cli.QueryMessage:
		return p.fail(cli.NotYet("query message", "needs msgd, which this version does not have"))
	}
	return p.list(ctx, q)
}

func (p program) fail(err error) int {
	fmt.Fprintln(p.err, cli.ErrorLine("query", err))
	return cli.ExitFailed
}

// list prints the sessions of every host that was asked for.
func (p program) list(ctx context.Context, q cli.Query) int {
	hosts, problems := cli.Hosts(q.Servers, readList)
	hosts = hostname.Distinct(hosts)
	code := cli.ExitOK
	for _, err := range problems {
		code = p.fail(err)
	}
	if len(q.Servers) == 0 {
		hosts = []string{"localhost"}
	}
	for _, name := range hosts {
		heading := ""
		if len(hosts) > 1 && !q.JSON {
			heading = cli.HostLine(name) + "\n"
		}
		if c := p.listOne(ctx, name, heading, q); c != cli.ExitOK {
			code = c
		}
	}
	if ctx.Err() != nil {
		return cli.ExitInterrupted
	}
	if p.out.Err != nil {
		return p.fail(cli.OutputError(p.out.Err))
	}
	return code
}

// readList reads a host file; "-" is standard input.
func readList(name string) ([]byte, error) {
	if name == "-" {
		return cli.ReadList(os.Stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return cli.ReadList(f)
}

func (p program) listOne(ctx context.Context, name, heading string, q cli.Query) int {
	if !hostname.IsLocal(name) {
		return p.fail(cli.NoRoute(name))
	}
	h, err := p.open()
	if err != nil {
		return p.fail(err)
	}
	defer h.Close()
	sessions, err := h.Sessions(ctx)
	if err != nil {
		return p.fail(err)
	}
	sessions, missing := cli.Filter(q, sessions)
	for _, name := range missing {
		fmt.Fprintln(p.err, cli.NoneLine(q.Kind, name))
	}
	if len(sessions) > 0 {
		fmt.Fprint(p.out, heading)
	}
	if code := p.print(sessions, q); code != cli.ExitOK || len(missing) == 0 {
		return code
	}
	return cli.ExitFailed
}

func (p program) print(sessions []msg.Session, q cli.Query) int {
	if len(sessions) == 0 {
		return cli.ExitOK
	}
	if q.JSON {
		for _, s := range sessions {
			line, err := cli.JSONLine(s)
			if err != nil {
				return p.fail(err)
			}
			fmt.Fprint(p.out, line)
		}
		return cli.ExitOK
	}
	if q.Kind == cli.QueryUser {
		fmt.Fprint(p.out, cli.UserTable(sessions, text.LocaleFor(p.locale)))
	} else {
		fmt.Fprint(p.out, cli.SessionTable(sessions))
	}
	if q.Counter {
		fmt.Fprint(p.out, cli.Counters(sessions))
	}
	return cli.ExitOK
}
