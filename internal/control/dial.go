package control

import (
	"context"
	"fmt"
	"io"
	"time"
)

// greetTimeout is for a msgd on this computer to greet.
const greetTimeout = 5 * time.Second

// DialLocal returns a dial function for the msgd that listens on a unix
// socket or, on Windows, a named pipe. It talks to root or the system and to
// the own user only: what somebody else has put there must not read messages.
func DialLocal(path string) func(context.Context) (io.ReadWriteCloser, error) {
	return func(ctx context.Context) (io.ReadWriteCloser, error) {
		conn, err := dial(ctx, path)
		switch {
		case err != nil && absent(err):
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
