package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"msg"
	"msg/internal/account"
	"msg/internal/cli"
	"msg/internal/hostname"
)

// program is the command with everything that it takes from its process.
type program struct {
	in       *os.File
	out      *cli.Output
	err      io.Writer
	locale   string
	open     func() (msg.Host, error)
	terminal func(*os.File) bool
}

// isTerminal reports whether somebody types there.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// main does what the arguments say and returns the exit code.
func (p program) main(args []string) int {
	m, err := cli.ParseMsg(args)
	if starred := cli.Starred(args, visibleFiles(args)); starred != nil {
		err = starred
	}
	var usage *cli.UsageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprint(p.err, cli.UsageLines("msg", err))
		return cli.ExitUsage
	case m.Help:
		fmt.Fprint(p.out, cli.Help("msg"))
		return cli.ExitOK
	case m.Version:
		fmt.Fprintln(p.out, "msg", cli.Version())
		return cli.ExitOK
	case m.Needs != "":
		fmt.Fprintln(p.err, cli.ErrorLine("msg", cli.NotYet(m.Needs, "this version does not have it")))
		return cli.ExitFailed
	}
	ctx := context.Background()
	if m.Wait || m.Words == nil || m.Servers != nil {
		var stop context.CancelFunc
		ctx, stop = interruptible()
		defer stop()
	}
	return p.send(ctx, m)
}

// send reads what there is to read and sends to each host.
func (p program) send(ctx context.Context, m cli.Msg) int {
	target, problems := cli.Recipients(m.Recipient, p.readList)
	hosts, hostProblems := cli.Hosts(m.Servers, p.readList)
	hosts = hostname.Distinct(hosts)
	ui := &ui{ctx: ctx, out: p.out, err: p.err, verbose: m.Verbose, json: m.JSON, many: len(hosts) > 1}
	for _, err := range append(problems, hostProblems...) {
		ui.problem(err, "")
	}
	if len(target) == 0 || len(m.Servers) > 0 && len(hosts) == 0 {
		return cli.ExitFailed
	}
	text, err := p.text(ctx, m, ui)
	switch {
	case ctx.Err() != nil:
		return cli.ExitInterrupted
	case err != nil:
		ui.problem(err, "")
		return ui.exit()
	}
	now := time.Now()
	message := msg.Message{
		ID: msg.NewID(now), From: sender(), Title: cli.Title(m.Title), Text: text, Buttons: m.Buttons,
		Wait: m.Wait, Timeout: m.Time, Sent: now, Locale: p.locale,
	}
	ui.message, ui.words, ui.target = message, m.Words, target
	if len(hosts) == 0 {
		hosts = []string{"localhost"}
	}
	p.sendAll(ctx, hosts, target, ui)
	return ui.exit()
}

// sender is who sends, on which computer.
func sender() string {
	name, err := os.Hostname()
	if err != nil || runtime.GOOS == "windows" {
		return account.Caller()
	}
	return account.Caller() + "@" + name
}

// visibleFiles are the names that a Unix shell puts in the place of a star.
// Where none of the arguments is a file, there was no star.
func visibleFiles(args []string) []string {
	if runtime.GOOS == "windows" || !slices.ContainsFunc(args[:min(len(args), 8)], exists) {
		return nil
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
