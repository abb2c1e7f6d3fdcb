package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"msg/internal/cli"
)

// dialTimeout bounds a socket that exists but whose msgd does not get up.
const dialTimeout = 10 * time.Second

// relay connects standard input and output with the socket. It decides
// nothing: msgd sees the account that runs it.
func (p program) relay(o options) int {
	conn, err := net.DialTimeout("unix", o.socket, dialTimeout)
	if err != nil {
		fmt.Fprintln(p.err, cli.ErrorLine("msgd", noDaemon(err, o.socket)))
		return exitUnavailable
	}
	defer conn.Close()
	go func() {
		// The end of the input is for msgd to see: it ends the request. What
		// msgd has to say still comes.
		_, _ = io.Copy(conn, p.in)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}()
	if _, err := io.Copy(p.out, conn); err != nil {
		fmt.Fprintln(p.err, cli.ErrorLine("msgd", fmt.Errorf("relaying from %q: %w", o.socket, err)))
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// noDaemon says that the socket cannot be reached, and what to do.
func noDaemon(err error, socket string) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // without the path, which is said once
	}
	return fmt.Errorf("no msgd is running on this computer: connecting to %q: %w; root starts it with: systemctl start msgd.socket", socket, err)
}
