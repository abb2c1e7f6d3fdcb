package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// connect makes a connection to a server for which the test is the client. The
// greeting has been read.
func connect(t *testing.T, s *Server) (net.Conn, *bufio.Reader) {
	t.Helper()
	ours, theirs := net.Pipe()
	go s.ServeConn(context.Background(), theirs, msg.Principal{User: "bob", Account: "1001"})
	t.Cleanup(func() { ours.Close() })
	in := bufio.NewReader(ours)
	line, err := readLine(in, maxReply)
	if g, found, err2 := decodeGreeting(line); err != nil || !found || err2 != nil || g.Host != s.Host {
		t.Fatalf("greeting %q: %v, %v", line, err, err2)
	}
	return ours, in
}

// last reads up to the end and returns the error in the last line.
func last(t *testing.T, in *bufio.Reader) error {
	t.Helper()
	d, err := replies(in, func(reply) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	if b, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("%q, %v after the last line", b, err)
	}
	return d.err()
}

// TestSlowRequest sends half a line, or nothing, and stops.
func TestSlowRequest(t *testing.T) {
	for _, half := range []string{"", `{"version":1,"op":`} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			conn, in := connect(t, &Server{Service: newService(), Host: "web1", RequestTimeout: 3 * time.Second})
			if _, err := io.WriteString(conn, half); err != nil {
				t.Fatal(err)
			}
			if err := last(t, in); !errors.Is(err, errLine) {
				t.Errorf("%v", err)
			}
			if took := time.Since(begun); took != 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestDrip sends a byte now and then: the time is for the whole line.
func TestDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		conn, in := connect(t, &Server{Service: newService()})
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			for {
				if _, err := conn.Write([]byte(" ")); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond) // of the bubble's clock
			}
		})
		if err := last(t, in); !errors.Is(err, errLine) || time.Since(begun) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

// TestBadRequest sends what is no request; the reply says why.
func TestBadRequest(t *testing.T) {
	for _, c := range []struct {
		line, says string
		is         error
	}{
		{"hello\n", "invalid character", errLine},
		{strings.Repeat("x", maxRequest+1) + "\n", "longer than 1048576 bytes", errLine},
		{strings.Repeat("[", maxRequest-1) + "\n", "depth", errLine},
		{`{"version":9,"op":"fly","wings":2}` + "\n", "version 9", ErrVersion},
		{"\n", "EOF", errLine},
	} {
		synctest.Test(t, func(t *testing.T) {
			conn, in := connect(t, &Server{Service: newService()})
			go func() { _, _ = io.WriteString(conn, c.line) }()
			if err := last(t, in); !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%.20q: %v", c.line, err)
			}
		})
	}
}

// TestPanic is a bug in the service.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := piped(&Server{}, msg.Principal{}) // nothing to call
		if _, err := c.Sessions(t.Context()); err == nil || !strings.Contains(err.Error(), "internal error") {
			t.Errorf("%v", err)
		}
	})
}

// waiting is a request to ask two people who do not answer.
const waiting = `{"version":1,"op":"send","to":["bob"],"message":{"id":"01K4EXYZ0123456789ABCDEFGH","from":"","text":"x","wait":true,"timeout":0,"sent":"2026-09-06T08:22:00Z"}}` + "\n"

// TestClientGoes ends a Send that waits in each of the ways there are.
func TestClientGoes(t *testing.T) {
	for name, goes := range map[string]func(net.Conn) error{
		"closed":  net.Conn.Close,
		"a byte":  func(c net.Conn) error { _, err := c.Write([]byte("\n")); return err },
		"garbage": func(c net.Conn) error { _, err := c.Write([]byte("xx")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newService()
				f.Fake = hosttest.NewFake(hosttest.Person{Session: msg.Session{ID: "1", User: "bob"}})
				conn, in := connect(t, &Server{Service: f})
				go func() { _, _ = io.WriteString(conn, waiting) }()
				line, err := readLine(in, maxReply)
				if r, err2 := decodeReply(line); err != nil || err2 != nil || r.Receipt == nil || r.Receipt.Final {
					t.Fatalf("%s: %v, %v", line, err, err2)
				}
				synctest.Wait()
				select {
				case <-f.ended:
					t.Fatal("it ended before")
				default:
				}
				if err := goes(conn); err != nil && name == "closed" {
					t.Fatal(err)
				}
				if cause := <-f.ended; !errors.Is(cause, ErrGone) {
					t.Errorf("the cause is %v", cause)
				}
				if name == "a byte" { // what came of it is still said
					var final bool
					d, err := replies(in, func(r reply) bool { final = r.Receipt.Final; return true })
					if err != nil || d.err() != nil || !final {
						t.Errorf("%v, %v, final: %v", err, d, final)
					}
				}
			})
		})
	}
}

// TestShutdown ends the server while somebody waits, and while somebody is
// about to ask: the cause is not that a client has gone, and both are told.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newService()
		f.Fake = hosttest.NewFake(hosttest.Person{Session: msg.Session{ID: "1", User: "bob"}})
		s := &Server{Service: f}
		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs := net.Pipe()
		go s.ServeConn(ctx, theirs, msg.Principal{})
		go func() { _, _ = io.WriteString(ours, waiting) }()
		in := bufio.NewReader(ours)
		for range 2 { // the greeting and the first receipt
			if _, err := readLine(in, maxReply); err != nil {
				t.Fatal(err)
			}
		}
		silent, theirs := net.Pipe()
		go s.ServeConn(ctx, theirs, msg.Principal{})
		begun := time.Now()
		cancel()
		if cause := <-f.ended; !errors.Is(cause, context.Canceled) || errors.Is(cause, ErrGone) {
			t.Errorf("the cause is %v", cause)
		}
		if err := last(t, in); err != nil {
			t.Errorf("whoever waited is told %v", err)
		}
		in = bufio.NewReader(silent)
		if err := errors.Join(greeted(in), last(t, in)); !errors.Is(err, errLine) || time.Since(begun) > 0 {
			t.Errorf("whoever did not ask is told %v after %v", err, time.Since(begun))
		}
	})
}

// flooding is a service with very many receipts and records.
type flooding struct {
	*fakeService
	n    int
	took time.Duration
	ctx  context.Context
}

func (f *flooding) Send(ctx context.Context, _ msg.Principal, _ msg.Target, m msg.Message, report func(msg.Receipt)) error {
	begun := time.Now()
	for i := range f.n {
		report(msg.Receipt{Message: m.ID, Session: msg.Session{ID: fmt.Sprint(i)}, Outcome: msg.OutcomeAccepted, Final: true,
			Detail: strings.Repeat("x", 4<<10)})
	}
	f.took = time.Since(begun)
	<-ctx.Done()
	f.ended <- context.Cause(ctx)
	return nil
}

func (f *flooding) Messages(ctx context.Context, _ msg.Principal, _ string, _ int, report func(msg.Record)) error {
	begun := time.Now()
	for range f.n {
		report(msg.Record{Message: hosttest.Message(strings.Repeat("x", msg.MaxText))})
	}
	f.took = time.Since(begun)
	f.ctx = ctx
	return nil
}

// TestClientDoesNotRead never holds up what reports receipts, and drops the
// client when there are too many or it took too long.
func TestClientDoesNotRead(t *testing.T) {
	for name, c := range map[string]struct {
		n    int
		drop time.Duration
	}{"few": {10, 5 * time.Second}, "many": {2000, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &flooding{fakeService: newService(), n: c.n}
				conn, _ := connect(t, &Server{Service: f})
				begun := time.Now()
				go func() { _, _ = io.WriteString(conn, waiting) }()
				if cause := <-f.ended; !errors.Is(cause, ErrGone) || f.took != 0 {
					t.Errorf("%v; reporting took %v", cause, f.took)
				}
				if took := time.Since(begun); took != c.drop {
					t.Errorf("the client was dropped after %v", took)
				}
			})
		})
	}
}

// TestReaderOfRecords is held up by a slow client, but gets every record; one
// that does not read is dropped.
func TestReaderOfRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flooding{fakeService: newService(), n: 400} // 3 MiB
		got := 0
		err := piped(&Server{Service: f}, msg.Principal{}).Messages(t.Context(), "", 1000, func(msg.Record) {
			if got++; got%100 == 0 {
				time.Sleep(time.Second) // of the bubble's clock
			}
		})
		if err != nil || got != 400 {
			t.Errorf("%d records, %v", got, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := &flooding{fakeService: newService(), n: 400}
		conn, _ := connect(t, &Server{Service: f})
		go func() { _, _ = io.WriteString(conn, `{"version":1,"op":"messages","limit":1000}`+"\n") }()
		time.Sleep(time.Minute) // of the bubble's clock
		synctest.Wait()
		if f.took != 5*time.Second || !errors.Is(context.Cause(f.ctx), ErrGone) {
			t.Errorf("the service was held up for %v, cause %v", f.took, context.Cause(f.ctx))
		}
	})
}

// brokenListener has nothing but errors.
type brokenListener struct {
	errs   []error
	closed chan struct{}
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if len(l.errs) == 0 {
		<-l.closed
		return nil, net.ErrClosed
	}
	err := l.errs[0]
	l.errs = l.errs[1:]
	return nil, err
}
func (l *brokenListener) Close() error   { close(l.closed); return nil }
func (l *brokenListener) Addr() net.Addr { return nil }

// TestAcceptErrors are those that pass.
func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &brokenListener{[]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ECONNABORTED}, make(chan struct{})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := (&Server{Service: newService()}).Serve(ctx, l); err != nil || len(l.errs) > 0 {
			t.Errorf("%v, %d errors were not met", err, len(l.errs))
		}
	})
	l := &brokenListener{[]error{net.ErrClosed}, make(chan struct{})}
	if err := (&Server{Service: newService()}).Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a listener that somebody has closed: %v", err)
	}
}

func TestLimits(t *testing.T) {
	var l limits
	no, yes := func() bool { return false }, func() bool { return true }
	enter := func(uid int, foreign func() bool, want bool) {
		t.Helper()
		if got := l.enter(strconv.Itoa(uid), uid == 0, 8, 3, foreign); got != want {
			t.Errorf("user %d: %v", uid, got)
		}
	}
	for range 3 {
		enter(1, no, true)
	}
	enter(1, no, false)
	enter(100001, yes, true)
	enter(100002, yes, false) // half of the places are taken
	enter(2, no, true)
	for range 3 {
		enter(3, no, true)
	}
	enter(4, no, false) // all are
	for range 10 {
		enter(0, yes, true)
	}
	l.leave("0", true)
	l.leave("1", false)
	enter(1, no, true)
	for _, uid := range []int{1, 1, 1, 100001, 2, 3, 3, 3} {
		l.leave(strconv.Itoa(uid), false)
	}
	if l.all != 0 || len(l.perUser) != 0 {
		t.Errorf("%+v is left", l.perUser)
	}
}

func TestTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limits
		if !l.tell() || l.tell() {
			t.Error("the first time, or the second in the same second")
		}
		time.Sleep(time.Second) // of the bubble's clock
		if !l.tell() {
			t.Error("a second later")
		}
	})
}
