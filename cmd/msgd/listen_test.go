package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func unixListener(t *testing.T) *net.UnixListener {
	t.Helper()
	dir, err := os.MkdirTemp("", "msgd") // the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.UnixListener)
}

// TestHold holds a socket of systemd's: who connects then waits for the msgd
// that has the socket next.
func TestHold(t *testing.T) {
	original := unixListener(t) // systemd's
	given, err := original.File()
	if err != nil {
		t.Fatal(err)
	}
	defer given.Close()
	file, err := net.FileListener(given) // msgd's
	if err != nil {
		t.Fatal(err)
	}
	l, err := fromSystemd([]net.Listener{file})
	if err != nil {
		t.Fatal(err)
	}
	first, err := net.Dial("unix", original.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()

	l.hold()
	second, err := net.Dial("unix", original.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	accepted := make(chan error)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	l.Close()
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepting from a socket that is held: %v", err)
	}
	next, err := original.Accept()
	if err != nil {
		t.Fatalf("the client that came meanwhile: %v", err)
	}
	next.Close()
}

func TestFromSystemd(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("no loopback address here: %v", err)
	}
	defer tcp.Close()
	for name, given := range map[string][]net.Listener{
		"a TCP socket":      {tcp},
		"two sockets":       {unixListener(t), unixListener(t)},
		"a datagram socket": {nil}, // as go-systemd has it
	} {
		if _, err := fromSystemd(given); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestListenMetrics(t *testing.T) {
	l, err := listenMetrics("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if l, err := listenMetrics("tcp", "0.0.0.0:0"); err == nil {
		t.Errorf("metrics are offered at %s", l.Addr())
		l.Close()
	}
}
