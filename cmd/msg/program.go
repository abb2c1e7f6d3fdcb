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

	"golang.org/x/term"

	"msg/internal/cli"
	"msg/internal/console"
	"msg/internal/host"
	"msg/internal/hostname"
	"msg/internal/route"
	"msg/internal/text"
)

// program is the command with everything that it takes from its process.
type program struct {
	in       *os.File
	stdout   *os.File
	stderr   *os.File
	locale   string      // its name
	dates    text.Locale // how it writes them
	router   route.Router
	terminal func(*os.File) bool
	examine  func(context.Context) []host.Finding // this computer, see host.Examine

	// In the characters that they take, as the arguments say.
	utf8 bool
	out  *cli.Output
	err  io.Writer
}

// isTerminal reports whether somebody types there.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// columns is the width of the terminal that standard error is, or 0.
func (p program) columns() int {
	width, _, err := term.GetSize(int(p.stderr.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// main does what the arguments say and returns the exit code.
func (p program) main(args []string) int {
	m, err := cli.ParseMsg(args)
	p.utf8 = m.UTF8
	p.out, p.err = &cli.Output{W: console.Output(p.stdout, p.utf8)}, console.Output(p.stderr, p.utf8)
	if starred := cli.Starred(args, visibleFiles(args)); starred != nil {
		err = starred
	}
	var usage *cli.UsageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprint(p.err, cli.UsageLines("msg", err))
		return cli.ExitUsage
	case m.Help:
		return p.tell(cli.Help("msg"))
	case m.Version:
		return p.tell("msg " + cli.Version() + "\n")
	}
	if p.router.RPC == nil && slices.ContainsFunc(m.Servers, mayBeWindows) {
		runRemote()
	}
	ctx := context.Background()
	if m.Wait || m.Words == nil || m.Servers != nil {
		var stop context.CancelFunc
		ctx, stop = interruptible()
		defer stop()
	}
	ui := &ui{ctx: ctx, out: p.out, err: p.err, verbose: m.Verbose, json: m.JSON}
	switch m.Do {
	case cli.DoAnswer:
		err = p.answer(ctx, m, ui)
	case cli.DoTellDND, cli.DoSetDND:
		err = p.dnd(ctx, m, ui)
	case cli.DoDoctor:
		err = p.doctor(ctx, ui)
	default:
		return p.send(ctx, m, ui)
	}
	if errors.As(err, &usage) {
		fmt.Fprint(p.err, cli.UsageLines("msg", err))
		return cli.ExitUsage
	}
	if err != nil && !ui.interrupted() {
		ui.problem(err, "")
	}
	return ui.exit()
}

// tell prints what needs nothing but standard output.
func (p program) tell(s string) int {
	if fmt.Fprint(p.out, s); p.out.Err != nil {
		fmt.Fprintln(p.err, cli.ErrorLine("msg", cli.OutputError(p.out.Err)))
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// mayBeWindows reports whether a host may need Windows' remote calls.
func mayBeWindows(server string) bool {
	server = strings.TrimSpace(server)
	scheme, _, forced := strings.Cut(server, "://")
	return server != "" && (!forced || strings.EqualFold(scheme, "rpc")) && !hostname.IsLocal(server)
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
