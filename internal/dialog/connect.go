package dialog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// connectTimeout bounds the way to a server that answers.
const connectTimeout = 5 * time.Second

// closeTimeout is how long a server may take to take a window down. Afterwards
// the connection is simply closed, which does the same.
const closeTimeout = 300 * time.Millisecond

// server is a connection to an X server and what it said of itself.
type server struct {
	conn   *xgb.Conn
	net    net.Conn
	setup  *xproto.SetupInfo
	screen *xproto.ScreenInfo
	events chan xgb.Event // closed when the connection is
	done   chan struct{}  // closed when nobody reads events any more
	forget func() bool    // ctx is not watched any more
}

// connect reaches the server of env. Once ctx ends, every call on the
// connection returns within closeTimeout.
func connect(ctx context.Context, env Env) (*server, error) {
	number, screen, err := parseDisplay(env.Display)
	if err != nil {
		return nil, err
	}
	path := env.Xauthority
	if path == "" && env.Home != "" {
		path = filepath.Join(env.Home, ".Xauthority")
	}
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("asking for the host name: %w", err)
	}
	cookie, err := readCookie(path, hostname, number)
	if err != nil {
		return nil, err
	}
	conn, err := dial(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("connecting to X server %q: %w", env.Display, err)
	}
	s, err := greet(ctx, conn, cookie, screen)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connecting to X server %q: %w", env.Display, err)
	}
	return s, nil
}

// parseDisplay takes ":0", ":0.1" and "unix:0" apart. Others are not on this
// computer, where neither the user nor the answer is known to be genuine.
func parseDisplay(display string) (number string, screen int, err error) {
	host, rest, ok := strings.Cut(display, ":")
	if !ok || host != "" && host != "unix" {
		return "", 0, fmt.Errorf("display %q is not one of this computer", display)
	}
	number, screenText, hasScreen := strings.Cut(rest, ".")
	n, err := strconv.ParseUint(number, 10, 16)
	if err == nil && hasScreen {
		var m uint64
		m, err = strconv.ParseUint(screenText, 10, 8)
		screen = int(m)
	}
	if err != nil {
		return "", 0, fmt.Errorf("display %q is not a number", display)
	}
	return strconv.FormatUint(n, 10), screen, nil
}

// dial tries the socket in /tmp first: only one server can have it. Where /tmp
// is not the server's, the abstract socket of the same name is left.
func dial(ctx context.Context, number string) (net.Conn, error) {
	d := net.Dialer{Timeout: connectTimeout}
	path := "/tmp/.X11-unix/X" + number
	conn, err := d.DialContext(ctx, "unix", path)
	if errors.Is(err, os.ErrNotExist) {
		if abstract, err2 := d.DialContext(ctx, "unix", "@"+path); err2 == nil {
			return abstract, nil
		}
	}
	return conn, err
}

// greet does the handshake. What a server says of itself is parsed by a
// library that trusts it; a panic there is an error here.
func greet(ctx context.Context, conn net.Conn, cookie []byte, screen int) (s *server, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("what the server says makes no sense: %v", p)
		}
	}()
	opening, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	stop := context.AfterFunc(opening, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	xgb.Logger.SetOutput(io.Discard) // it writes to standard error otherwise
	x, err := xgb.NewConnNetWithCookieHex(conn, hex.EncodeToString(cookie))
	if err != nil {
		return nil, err
	}
	s = &server{conn: x, net: conn, setup: xproto.Setup(x), events: make(chan xgb.Event), done: make(chan struct{})}
	if screen >= len(s.setup.Roots) {
		return nil, fmt.Errorf("there is no screen %d", screen)
	}
	x.DefaultScreen, s.screen = screen, &s.setup.Roots[screen]
	if !stop() {
		return nil, opening.Err()
	}
	s.forget = context.AfterFunc(ctx, s.hurry)
	go s.pump()
	return s, nil
}

// pump passes events on. It reads them until the connection is closed, also
// when nobody wants them, because replies wait behind them.
func (s *server) pump() {
	defer close(s.events)
	for {
		event, err := s.conn.WaitForEvent()
		if event == nil && err == nil {
			return
		}
		if event == nil {
			continue // an error of a request whose result does not matter
		}
		select {
		case s.events <- event:
		case <-s.done:
		}
	}
}

// hurry ends every call on the connection soon.
func (s *server) hurry() { _ = s.net.SetDeadline(time.Now().Add(closeTimeout)) }

// close closes the connection, with which its windows go.
func (s *server) close() {
	s.forget()
	close(s.done)
	s.hurry()
	s.conn.Close()
	for range s.events {
	}
	s.net.Close()
}
