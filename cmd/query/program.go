package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"msg"
	"msg/internal/cli"
	"msg/internal/console"
	"msg/internal/hostname"
	"msg/internal/login"
	"msg/internal/route"
	"msg/internal/text"
)

// program is the command with everything that it takes from its process.
type program struct {
	in, stdout, stderr *os.File
	locale             text.Locale
	router             route.Router

	// In the characters that they take, as the arguments say.
	utf8 bool
	out  *cli.Output
	err  io.Writer
}

// main does what the arguments say and returns the exit code. name is how the
// command was called.
func (p program) main(ctx context.Context, name string, args []string) int {
	q, err := cli.ParseQuery(name, args)
	p.utf8 = q.UTF8
	p.out, p.err = &cli.Output{W: console.Output(p.stdout, p.utf8)}, console.Output(p.stderr, p.utf8)
	var usage *cli.UsageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprint(p.err, cli.UsageLines("query", err))
		return cli.ExitUsage
	case q.Help:
		fmt.Fprint(p.out, cli.Help("query"))
		return p.ended(cli.ExitOK)
	case q.Version:
		fmt.Fprintln(p.out, "query", cli.Version())
		return p.ended(cli.ExitOK)
	}
	if q.Kind == cli.QueryHost {
		return p.members(ctx, q)
	}
	return p.list(ctx, q)
}

func (p program) fail(err error) int {
	lines := cli.SystemLines("query", err)
	if lines == nil {
		lines = []string{cli.ErrorLine("query", err)}
	}
	for _, line := range lines {
		fmt.Fprintln(p.err, line)
	}
	return cli.ExitFailed
}

// maxHosts is how many hosts are asked at the same time.
const maxHosts = 32

// list prints what every host says, in the order in which they were named.
func (p program) list(ctx context.Context, q cli.Query) int {
	hosts, problems := cli.Hosts(q.Servers, func(name string) ([]byte, error) { return p.readList(ctx, name) })
	if ctx.Err() != nil {
		return cli.ExitInterrupted
	}
	hosts = hostname.Distinct(hosts)
	code := cli.ExitOK
	for _, err := range problems {
		code = p.fail(err)
	}
	if len(q.Servers) == 0 {
		hosts = []string{"localhost"}
	}
	p.router.From = login.New(ctx, q.User, os.Getenv)
	p.router.Ask = len(q.Servers) > 0 && len(hosts) == 1 && term.IsTerminal(int(p.stderr.Fd()))
	members, hosts := p.router.Split(ctx, hosts)
	if len(members) > 0 {
		if c := p.showFleet(ctx, members, q); c != cli.ExitOK {
			code = c
		}
	}
	for i, found := range p.askAll(ctx, hosts, q) {
		host := ""
		if len(hosts) > 1 {
			host = hosts[i]
		}
		a := <-found
		if ctx.Err() != nil { // whoever has pressed Ctrl-C knows
			break
		}
		if c := p.show(a, host, q); c != cli.ExitOK {
			code = c
		}
	}
	if ctx.Err() != nil {
		return cli.ExitInterrupted
	}
	return p.ended(code)
}

// ended is code, unless not everything could be printed.
func (p program) ended(code int) int {
	if p.out.Err != nil {
		return p.fail(cli.OutputError(p.out.Err))
	}
	return code
}

// answer is what one host says.
type answer struct {
	sessions []msg.Session
	records  []msg.Record
	err      error
}

// askAll asks all hosts, side by side.
func (p program) askAll(ctx context.Context, hosts []string, q cli.Query) []chan answer {
	limit := make(chan struct{}, maxHosts)
	answers := make([]chan answer, len(hosts))
	for i, name := range hosts {
		answers[i] = make(chan answer, 1)
		go func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			answers[i] <- p.ask(ctx, name, q)
		}()
	}
	return answers
}

func (p program) ask(ctx context.Context, name string, q cli.Query) (a answer) {
	c, err := p.router.To(ctx, name)
	if err != nil {
		return answer{err: err}
	}
	defer c.Close()
	if q.Kind == cli.QueryMessage {
		a.err = c.Messages(ctx, q.Filter, cmp.Or(q.Limit, cli.MaxMessages), func(r msg.Record) { a.records = append(a.records, r) })
	} else {
		a.sessions, a.err = c.Sessions(ctx)
	}
	if !q.JSON {
		a.localTimes()
	}
	return a
}

// localTimes brings all times into the time zone of the one who asks; a msgd
// has its own.
func (a answer) localTimes() {
	for i := range a.sessions {
		a.sessions[i].Since = a.sessions[i].Since.Local()
	}
	for i := range a.records {
		a.records[i].Message.Sent = a.records[i].Message.Sent.Local()
		for j := range a.records[i].Receipts {
			a.records[i].Receipts[j].At = a.records[i].Receipts[j].At.Local()
		}
	}
}

// readList reads a host file; "-" is standard input.
func (p program) readList(ctx context.Context, name string) ([]byte, error) {
	return cli.ReadListFile(ctx, name, func() ([]byte, error) {
		b, err := cli.ReadList(p.in)
		return console.Input(p.in, b, p.utf8), err
	})
}

// show prints what one host says, which is named if there are several.
func (p program) show(a answer, host string, q cli.Query) int {
	if a.err != nil {
		return p.fail(a.err)
	}
	if q.Kind == cli.QueryMessage {
		return p.showMessages(a.records, host, q)
	}
	sessions, missing := cli.Filter(q, a.sessions)
	for _, name := range missing {
		p.none(host, q.Kind, name)
	}
	if len(sessions) > 0 {
		p.heading(host, q)
	}
	if code := p.print(sessions, q); code != cli.ExitOK || len(missing) == 0 {
		return code
	}
	return cli.ExitFailed
}

// heading is the name of one of several hosts, above its table.
func (p program) heading(host string, q cli.Query) {
	if host != "" && !q.JSON {
		fmt.Fprintln(p.out, cli.HostLine(host))
	}
}

// none says that nothing is there that was asked for. host is empty, or which of
// several hosts it was.
func (p program) none(host string, kind cli.QueryKind, name string) {
	line := cli.NoneLine(kind, name)
	if host != "" {
		line = cli.HostLine(host) + " " + line
	}
	fmt.Fprintln(p.err, line)
}

func (p program) print(sessions []msg.Session, q cli.Query) int {
	switch {
	case len(sessions) == 0:
		return cli.ExitOK
	case q.JSON:
		return printJSON(p, sessions)
	case q.Kind == cli.QueryUser:
		fmt.Fprint(p.out, cli.UserTable(sessions, p.locale))
	default:
		fmt.Fprint(p.out, cli.SessionTable(sessions))
	}
	if q.Counter {
		fmt.Fprint(p.out, cli.Counters(sessions))
	}
	return cli.ExitOK
}

// showMessages prints the table, or everything about the messages that were
// asked for.
func (p program) showMessages(records []msg.Record, host string, q cli.Query) int {
	if len(records) == 0 {
		p.none(host, q.Kind, cmp.Or(q.Filter, "*"))
		return cli.ExitFailed
	}
	p.heading(host, q)
	switch {
	case q.JSON:
		for i := range records {
			records[i].Receipts = append([]msg.Receipt{}, records[i].Receipts...) // a list for who reads it, also an empty one
		}
		return printJSON(p, records)
	case q.Filter == "":
		fmt.Fprint(p.out, cli.MessageTable(records, p.locale))
	default:
		for i, r := range records {
			if i > 0 {
				fmt.Fprintln(p.out)
			}
			fmt.Fprint(p.out, cli.MessageDetail(r, p.locale))
		}
	}
	return cli.ExitOK
}

func printJSON[T any](p program, list []T) int {
	for _, v := range list {
		line, err := cli.JSONLine(v)
		if err != nil {
			return p.fail(err)
		}
		fmt.Fprint(p.out, line)
	}
	return cli.ExitOK
}
