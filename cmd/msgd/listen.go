package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"msg/internal/control"
	"msg/internal/tsts"
)

// socketMode lets everybody connect: who may do what is decided by msgd.
const socketMode = 0o666

// given takes the sockets that systemd has opened: that of msgd.socket, and
// those of msgd-windows.socket by their names.
func given() (own []net.Listener, pipes map[string]net.Listener, err error) {
	all, err := activation.Listeners()
	if err != nil {
		return nil, nil, fmt.Errorf("taking the sockets from systemd: %w", err)
	}
	pipes = map[string]net.Listener{}
	for _, l := range all {
		if l == nil {
			continue
		}
		name := filepath.Base(l.Addr().String())
		if _, ok := tsts.Pipes[name]; ok {
			pipes[name] = l
		} else {
			own = append(own, l)
		}
	}
	return own, pipes, nil
}

// listen takes the socket that systemd has opened, or opens one.
func listen(path string, given []net.Listener) (*listener, error) {
	if len(given) > 0 {
		return fromSystemd(given)
	}
	if err := makeSocketFolder(path); err != nil {
		return nil, fmt.Errorf("making the folder of the socket: %w", err)
	}
	l, err := control.Listen(path, socketMode)
	if err != nil {
		return nil, err
	}
	return &listener{Listener: l, closed: make(chan struct{})}, nil
}

func fromSystemd(given []net.Listener) (*listener, error) {
	l, ok := given[0].(*net.UnixListener)
	if len(given) != 1 || !ok {
		return nil, errors.New("taking the socket from systemd: msgd.socket must have one ListenStream= with a path, and nothing else")
	}
	return &listener{Listener: l, systemd: l, closed: make(chan struct{})}, nil
}

// listener is the socket. One of systemd's can be held: connections then wait
// for the msgd that comes next.
type listener struct {
	net.Listener
	systemd *net.UnixListener // nil if it is our own

	once   sync.Once
	closed chan struct{}
}

// hold takes no more connections from a socket that outlives this process.
func (l *listener) hold() {
	if l.systemd != nil {
		_ = l.systemd.SetDeadline(time.Unix(1, 0)) // an open socket takes it
	}
}

// Accept waits for the next client; one that is held waits to be closed.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		<-l.closed
		return nil, net.ErrClosed
	}
	return conn, err
}

// Close ends Accept.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
