package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// What a msgd that must not reach other computers says to a process that may,
// and has no other rights: one line, and one line back. After an "ok" to dial
// the connection is that to the hub. Where hubs may be is not for msgd to say.
const (
	askTargets = "targets" // HUB, as it is in the folder of the member
	askDial    = "dial"    // HOST:PORT, which was among the targets
	answerOK   = "ok"
	answerNo   = "no" // and why

	maxLine     = 8 << 10
	askLimit    = 5 * time.Second // for the line to come
	maxForwards = 16              // connections at a time; msgd has one
)

// Forwarder connects the msgd of this computer with the hubs of its fleet, and
// with nothing else. What goes through it is encrypted between those two.
type Forwarder struct {
	hubs   []string
	direct *direct
	log    *slog.Logger
}

// NewForwarder reads node.json of a member's folder, or of a copy: the rest of
// the folder is secret.
func NewForwarder(file string, log *slog.Logger) (*Forwarder, error) {
	var c nodeConfig
	if err := readJSON(file, &c); err != nil {
		return nil, fmt.Errorf("where the hubs are: %w", err)
	}
	return &Forwarder{hubs: c.Hubs, direct: newDirect(net.DefaultResolver), log: log}, nil
}

// Serve takes connections until ctx ends or the listener fails.
func (f *Forwarder) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	serving, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for slots := make(chan struct{}, maxForwards); ; {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("waiting for msgd: %w", err)
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			defer conn.Close()
			if err := f.serve(serving, conn); err != nil {
				f.log.Info("no connection", "error", err)
			}
		})
	}
}

// serve answers one question.
func (f *Forwarder) serve(ctx context.Context, conn net.Conn) error {
	ends := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer ends()
	_ = conn.SetDeadline(time.Now().Add(askLimit))
	line, err := readLine(conn)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(dialLimit))
	soon, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	answer, hub, err := f.do(soon, line)
	if err != nil {
		_, _ = fmt.Fprintf(conn, "%s %s\n", answerNo, strings.ReplaceAll(err.Error(), "\n", "; "))
		return err
	}
	if _, err := fmt.Fprintln(conn, answer); err != nil || hub == nil {
		return err
	}
	defer hub.Close()
	_ = conn.SetDeadline(time.Time{})
	if ctx.Err() == nil {
		join(conn, hub)
	}
	return nil
}

// do does what a line asks for, and gives the line to answer, and for dial the
// connection.
func (f *Forwarder) do(ctx context.Context, line string) (string, net.Conn, error) {
	verb, what, _ := strings.Cut(line, " ")
	switch {
	case verb == askTargets && slices.Contains(f.hubs, what):
		list, err := f.direct.targets(ctx, what)
		return answerOK + " " + strings.Join(list, ","), nil, err
	case verb == askDial && (slices.Contains(f.hubs, what) && !strings.HasPrefix(what, srvMark) || f.direct.has(what)):
		hub, err := f.direct.dial(ctx, what)
		return answerOK, hub, err
	}
	return "", nil, fmt.Errorf("%.200q is none of the hubs of this computer: if it has joined another fleet, restart msgd.service", what)
}

// join carries what comes on either until both have ended.
func join(a, b net.Conn) {
	var both sync.WaitGroup
	carry := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // how it ended the two ends know
		// Neither side of TLS goes on alone.
		_, _ = to.Close(), from.Close()
	}
	both.Go(func() { carry(a, b) })
	both.Go(func() { carry(b, a) })
	both.Wait()
}

// readLine reads a line, and nothing behind it.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", fmt.Errorf("reading a line: %w", err)
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		if line = append(line, b[0]); len(line) > maxLine {
			return "", errors.New("reading a line: it is too long")
		}
	}
}

// forwarded is the way through the socket of a Forwarder.
type forwarded struct{ socket string }

func (f forwarded) targets(ctx context.Context, hub string) ([]string, error) {
	conn, list, err := f.ask(ctx, askTargets, hub)
	if err != nil {
		return nil, err
	}
	_ = conn.Close()
	return strings.Split(list, ","), nil
}

func (f forwarded) dial(ctx context.Context, target string) (net.Conn, error) {
	conn, _, err := f.ask(ctx, askDial, target)
	return conn, err
}

func (f forwarded) ask(ctx context.Context, verb, what string) (net.Conn, string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", f.socket)
	if err != nil {
		return nil, "", fmt.Errorf("reaching the hub through %q: %w; see systemctl status msgd-fleet.service", f.socket, err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	_, err = fmt.Fprintf(conn, "%s %s\n", verb, what)
	line := ""
	if err == nil {
		line, err = readLine(conn)
	}
	answer, rest, _ := strings.Cut(line, " ")
	if err == nil && answer != answerOK {
		err = errors.New(rest)
	}
	if err != nil {
		_ = conn.Close()
		return nil, "", fmt.Errorf("reaching the hub %s through %q: %w", what, f.socket, err)
	}
	_ = conn.SetDeadline(time.Time{})
	return conn, rest, nil
}
