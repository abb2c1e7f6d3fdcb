package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"msg/internal/cli"
	"msg/internal/control"
)

// Exit codes beside those of package cli, from sysexits.h.
const (
	exitUnavailable = 69 // EX_UNAVAILABLE: no msgd is running
	exitConfig      = 78 // EX_CONFIG: the unit does not try again after this one
)

// options are the flags of all commands.
type options struct {
	config, socket string
	service        bool   // serve: the service manager of Windows has started it
	account        string // service install: what it runs as
}

// command is one row of the table.
type command struct {
	name  string
	flags []string
	run   func(program, options) int
}

func commands() []command {
	serve := []string{"config", "socket"}
	if hasService {
		serve = append(serve, "service")
	}
	return append([]command{
		{"serve", serve, program.serve},
		{"check", []string{"config", "socket"}, program.check},
		{"relay", []string{"socket"}, program.relay},
		{"version", nil, program.version},
		{"help", nil, program.help},
	}, serviceCommands()...)
}

// spellings are other names of commands, which everybody tries.
var spellings = map[string]string{
	"--version": "version", "-version": "version", "--help": "help", "-help": "help", "-h": "help",
}

// parse understands the arguments. Its errors are about usage.
func parse(args []string) (command, options, error) {
	var o options
	if len(args) == 0 {
		return command{}, o, errors.New("what to do is missing")
	}
	name := args[0]
	if full, ok := spellings[name]; ok {
		name = full
	}
	all := commands()
	if name == "service" && len(args) > 1 { // two words are one command
		name, args = name+" "+args[1], args[1:]
	}
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, o, fmt.Errorf("%q is not a command", name)
	}
	c := all[i]
	f := flag.NewFlagSet(c.name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	c.define(f, &o)
	switch err := f.Parse(args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return command{name: "help", run: program.help}, o, nil
	case err != nil:
		return c, o, fmt.Errorf("%s: %w", c.name, err)
	case f.NArg() > 0:
		return c, o, fmt.Errorf("%s: %q is one word too many", c.name, f.Arg(0))
	}
	return c, o, nil
}

func (c command) define(f *flag.FlagSet, o *options) {
	if slices.Contains(c.flags, "config") {
		f.StringVar(&o.config, "config", defaultConfig(), "")
	}
	if slices.Contains(c.flags, "socket") {
		f.StringVar(&o.socket, "socket", control.Socket, "")
	}
	if slices.Contains(c.flags, "service") {
		f.BoolVar(&o.service, "service", false, "")
	}
	if slices.Contains(c.flags, "account") {
		f.StringVar(&o.account, "account", "LocalSystem", "")
	}
}

const usage = `msgd serve [--config FILE] [--socket PATH]
msgd check [--config FILE] [--socket PATH]
msgd relay [--socket PATH]
msgd version | help
`

func helpText() string {
	return `Send messages for everybody on this computer, within the rules.

` + usage + `
serve   Wait on the socket for msg and query. systemd starts it when the first
        of them connects; started by hand, as root, it does the same:

            msgd serve

check   Look at the configuration and at who may read and write what, print
        what is found, and exit with 1 if something is wrong:

            msgd check --config ./msgd.toml

relay   Connect standard input and output with the socket. It is what msg runs
        on another computer, with the rights of the account there:

            ssh web1 msgd relay

FILE is ` + defaultConfig() + ` and PATH ` + control.Socket + ` if left out. SIGTERM
and Ctrl-C end msgd serve when what is being shown has been shown.

Exit status: 0 done; 1 something is wrong; 2 wrong usage; 69 relay: no msgd is
running; 78 serve: wrong configuration. See msgd(8), msgd.toml(5) and msg(1).
`
}

func (p program) help(options) int {
	fmt.Fprint(p.out, helpText())
	return cli.ExitOK
}

func (p program) version(options) int {
	fmt.Fprintln(p.out, "msgd", cli.Version())
	return cli.ExitOK
}

// usageLines is what is printed for arguments that are not understood.
func usageLines(err error) string {
	return cli.ErrorLine("msgd", err) + "\nusage: " + strings.ReplaceAll(strings.TrimSuffix(usage, "\n"), "\n", "\n       ") + "\n"
}
