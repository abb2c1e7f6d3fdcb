// A command that is over in milliseconds has no use for the CPU limit of its
// container, nor for watching it.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command msg sends a message to people who are signed in. It is a drop-in
// for the Windows command of that name; see msg(1).
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"msg"
	"msg/internal/cli"
	"msg/internal/host"
)

func main() {
	if host.IsHelper() {
		os.Exit(host.RunHelper())
	}
	os.Exit(run(openLocal))
}

// openLocal opens this computer.
func openLocal() (msg.Host, error) {
	l, err := host.Open()
	if err != nil {
		return nil, err
	}
	return l, nil
}

// run is main with this computer opened by open, so that the scripts of the
// tests can run against a computer of their own.
func run(open func() (msg.Host, error)) int {
	if len(ignored) > 0 { // none would mean all
		signal.Ignore(ignored...)
	}
	if os.Getuid() != os.Geteuid() {
		fmt.Fprintln(os.Stderr, "msg: it must not be installed setuid: it would act for others with the rights of its owner")
		return cli.ExitFailed
	}
	p := program{
		in:       os.Stdin,
		out:      &cli.Output{W: os.Stdout},
		err:      os.Stderr,
		locale:   firstOf(os.Getenv("LC_ALL"), os.Getenv("LC_TIME"), os.Getenv("LANG")),
		open:     open,
		terminal: isTerminal,
	}
	return p.main(os.Args[1:])
}

// interruptible ends the context it returns at Ctrl-C. It is for what can take
// long; a plain send is over before anybody could press it, and a process that
// is ended by the signal has the exit status 130 in a shell as well.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
