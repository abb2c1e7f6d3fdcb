package control

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// abuser is the user that the connections of these tests belong to, where the
// tests may choose.
const abuser = 70001

// dialAs connects as a user.
func dialAs(t testing.TB, uid int, path string) net.Conn {
	t.Helper()
	var conn net.Conn
	connect := func() {
		var err error
		if conn, err = dial(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	asUser(t, uid, connect)
	return conn
}

// sendsAs sends a message as a user and fails if it does not arrive.
func sendsAs(t testing.TB, uid int, path string, f *fakeService, text string) {
	t.Helper()
	dial := func(context.Context) (io.ReadWriteCloser, error) { return dialAs(t, uid, path), nil }
	m := hosttest.Message(text)
	if err := NewClient(dial, "").Send(t.Context(), msg.Target{msg.ParseSelector("2")}, m, func(msg.Receipt) {}); err != nil {
		t.Errorf("user %d: %v", uid, err)
	}
	if !strings.Contains(f.Screen(msg.Session{ID: "2"}).String(), text) {
		t.Errorf("%q of user %d did not arrive", text, uid)
	}
}

// TestTenThousand opens 10,000 connections and keeps them. The server keeps no
// more than one user may have; other users, and root, come through; at the end
// nothing is left.
func TestTenThousand(t *testing.T) {
	before := runtime.NumGoroutine()
	f := newService()
	s := &Server{Service: f, RequestTimeout: time.Hour}
	path := filepath.Join(folder(t), "s")
	l, err := Listen(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	served := make(chan error)
	go func() { served <- s.Serve(ctx, l) }()

	const kept = 32
	conns := make([]net.Conn, 10000)
	for i := range conns {
		conns[i] = dialAs(t, abuser, path)
		defer conns[i].Close()
		// The answer says that this one was looked at.
		in := bufio.NewReader(conns[i])
		if err := greeted(in); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		if i < kept {
			continue
		}
		if err := last(t, in); !errors.Is(err, msg.ErrLimit) {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if n := runtime.NumGoroutine() - before; n > 2*kept+10 {
		t.Errorf("%d goroutines for %d connections", n, kept)
	}
	sendsAs(t, abuser+1, path, f, "another user")
	sendsAs(t, 0, path, f, "root")

	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if s.limits.all != 0 {
		t.Errorf("%d connections are counted for ever", s.limits.all)
	}
	awaitGoroutines(t, before)
}

// awaitGoroutines waits for goroutines that have nothing left to do but to
// return.
func awaitGoroutines(t *testing.T, want int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.Gosched() {
		if runtime.NumGoroutine() <= want {
			return
		}
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("goroutines are left:\n%s", stacks[:runtime.Stack(stacks, true)])
}

// TestFlood connects and goes as fast as it can, from several sides and with
// every kind of nonsense, while others send.
func TestFlood(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("acting as another user needs root")
	}
	f := newService()
	path := listening(t, &Server{Service: f})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, says := range []string{"", "{", "x\n", waiting + waiting, strings.Repeat("y", 64<<10)} {
		wg.Go(func() {
			for ctx.Err() == nil {
				conn := dialAs(t, abuser, path)
				_ = conn.SetDeadline(time.Now().Add(time.Second))
				_, _ = io.WriteString(conn, says)
				conn.Close()
			}
		})
	}
	for i := range 10 {
		sendsAs(t, abuser+1+i%2, path, f, "in a flood")
		sendsAs(t, 0, path, f, "root in a flood")
	}
	stop()
	wg.Wait()
}

// TestPeerGoesWhileWaiting kills the process that waits for an answer.
func TestPeerGoesWhileWaiting(t *testing.T) {
	f := newService()
	path := listening(t, &Server{Service: f})
	conn, err := DialLocal(path)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, waiting); err != nil {
		t.Fatal(err)
	}
	if !f.Screen(msg.Session{ID: "2"}).Wait(t.Context(), "x") {
		t.Fatal("it is not shown")
	}
	conn.Close()
	if cause := <-f.ended; !errors.Is(cause, ErrGone) {
		t.Errorf("the cause is %v", cause)
	}
}

// BenchmarkSend is one message through a socket, as msg sends it.
func BenchmarkSend(b *testing.B) {
	f := newService()
	path := listening(b, &Server{Service: f, Groups: []string{"adm"}})
	c := NewClient(DialLocal(path), "")
	m := hosttest.Message("hello")
	for b.Loop() {
		if err := c.Send(b.Context(), msg.Target{msg.ParseSelector("2")}, m, func(msg.Receipt) {}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlace is what finding out where a client is adds to it.
func BenchmarkPlace(b *testing.B) {
	l, err := net.Listen("unix", folder(b)+"/s")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ours, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer ours.Close()
	theirs, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer theirs.Close()
	p, err := peerOf(theirs)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p.place()
	}
}
