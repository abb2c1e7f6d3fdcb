package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// Socket is where msgd listens if nothing else is said.
const Socket = "/run/msg/msgd.sock"

const (
	greetTimeout = 5 * time.Second      // for a msgd on this computer to greet
	busyPause    = 2 * time.Millisecond // until a full queue of connections is tried again
)

// DialLocal returns a dial function for the msgd that listens on a unix
// socket. It talks to root and to the own user only: what somebody else has
// put there must not read messages.
func DialLocal(path string) func(context.Context) (io.ReadWriteCloser, error) {
	return func(ctx context.Context) (io.ReadWriteCloser, error) {
		if runtime.GOOS == "windows" { // no msgd listens on such a socket there
			return nil, ErrNoDaemon
		}
		conn, err := dialBusy(ctx, path)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
			return nil, fmt.Errorf("%w (%v)", ErrNoDaemon, err)
		case err != nil:
			return nil, fmt.Errorf("connecting to msgd: %w", err)
		}
		if err := checkServer(conn, path); err != nil {
			conn.Close()
			return nil, err
		}
		_ = conn.SetReadDeadline(time.Now().Add(greetTimeout)) // call takes it away
		return conn, nil
	}
}

// dialBusy connects. The kernel refuses a connection above the length of the
// queue, which is short; it moves on as fast as msgd can look at them.
func dialBusy(ctx context.Context, path string) (*net.UnixConn, error) {
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
