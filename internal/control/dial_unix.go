//go:build !windows

package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// Socket is where msgd listens if nothing else is said.
const Socket = "/run/msg/msgd.sock"

// busyPause is until a full queue of connections is tried again.
const busyPause = 2 * time.Millisecond

// absent reports whether the error of a dial means that nobody listens.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOTDIR)
}

// dial connects. The kernel refuses a connection above the length of the
// queue, which is short; it moves on as fast as msgd can look at them.
func dial(ctx context.Context, path string) (net.Conn, error) {
	for until := time.Now().Add(greetTimeout); ; {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		if !errors.Is(err, syscall.EAGAIN) || time.Now().After(until) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(busyPause):
		}
	}
}

func checkServer(conn net.Conn, path string) error {
	uid, err := serverUID(conn)
	if err != nil {
		return fmt.Errorf("finding out who listens on %q: %w", path, err)
	}
	if uid != 0 && int64(uid) != int64(os.Geteuid()) {
		return fmt.Errorf("user %d listens on %q: msgd must be root's or your own", uid, path)
	}
	return nil
}
