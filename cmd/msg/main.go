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
	"msg/internal/console"
	"msg/internal/control"
	"msg/internal/host"
	"msg/internal/route"
)

func main() {
	if host.IsHelper() {
		os.Exit(host.RunHelper(nil))
	}
	os.Exit(run(route.Router{Open: openHere, RPC: openRPC, Native: nativeRPC, Socket: control.Socket, OwnDir: ownDir()}, host.Examine))
}

// openHere opens this computer.
func openHere() (msg.Host, error) {
	l, err := host.Open()
	if err != nil {
		return nil, err
	}
	return l, nil
}

// run is main with the ways to computers and what /doctor looks at, so that the
// scripts of the tests can run against computers of their own.
func run(router route.Router, examine func(context.Context) []host.Finding) int {
	if len(ignored) > 0 { // none would mean all
		signal.Ignore(ignored...)
	}
	if os.Getuid() != os.Geteuid() {
		fmt.Fprintln(os.Stderr, "msg: it must not be installed setuid: it would act for others with the rights of its owner")
		return cli.ExitFailed
	}
	router.Sender = sender
	locale, dates := console.Locale(firstOf(os.Getenv("LC_ALL"), os.Getenv("LC_TIME"), os.Getenv("LANG")))
	p := program{
		in:       os.Stdin,
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		locale:   locale,
		dates:    dates,
		router:   router,
		terminal: isTerminal,
		examine:  examine,
	}
	return p.main(os.Args[1:])
}

// interruptible ends the context it returns at Ctrl-C. It is for what can take
// long; a plain send is over before anybody could press it, and a process that
// is ended by the signal has the exit status 130 in a shell as well.
func interruptible() (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	for _, s := range hangups {
		if !signal.Ignored(s) { // by nohup(1)
			signals = append(signals, s)
		}
	}
	return signal.NotifyContext(context.Background(), signals...)
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
