package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"msg/internal/cli"
	"msg/internal/daemon"
	"msg/internal/fleet"
)

// forwardSocket is where msgd finds the process that reaches the hub for it.
// It is made by msgd-fleet.socket; without it msgd reaches the hub itself.
const forwardSocket = "/run/msg/fleet.sock"

// forward is msgd forward: it connects msgd with the hubs of a member, on the
// socket that systemd has handed over. It needs no rights but to connect.
func (p program) forward(o options) int {
	log := newLog(p.err, "", daemon.DefaultConfig().Log)
	f, err := fleet.NewForwarder(o.words[0], log)
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	given, err := activation.Listeners()
	if err == nil && (len(given) != 1 || given[0] == nil) {
		err = errors.New("taking the socket from systemd: there has to be one; msgd forward is for msgd-fleet.service")
	}
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	notify(log, "READY=1")
	if err := f.Serve(ctx, given[0]); err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	return cli.ExitOK
}
