package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"msg/internal/cli"
	"msg/internal/control"
)

// relay connects standard input and output with the socket. It decides
// nothing: msgd sees the account that runs it.
func (p program) relay(o options) int {
	rw, err := control.DialLocal(o.socket)(context.Background())
	if errors.Is(err, control.ErrNoDaemon) {
		return p.fail(exitUnavailable, fmt.Errorf("%w; %s", err, startHint))
	}
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	defer rw.Close()
	if conn, ok := rw.(net.Conn); ok {
		_ = conn.SetDeadline(time.Time{}) // a client may wait for days
	}
	go func() {
		// The end of the input is for msgd to see: it ends the request. What
		// msgd has to say still comes.
		_, _ = io.Copy(rw, p.in)
		if half, ok := rw.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		} else { // pipes of Windows have no half: a byte after the request ends it as well
			_, _ = io.WriteString(rw, "\n")
		}
	}()
	if _, err := io.Copy(p.out, rw); err != nil {
		return p.fail(cli.ExitFailed, fmt.Errorf("relaying from %q: %w", o.socket, err))
	}
	return cli.ExitOK
}
