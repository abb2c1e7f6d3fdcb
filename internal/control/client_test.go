package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/hosttest"
)

func TestAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newService()
		p := msg.Principal{User: "bob", Account: "1001", Host: "test", Terminal: "pts/2"}
		c := piped(&Server{Service: f}, p)
		r, err := c.Answer(t.Context(), msg.Answer{Message: "ABCDEF", Button: "yes"})
		if err != nil || r.Answer != msg.LabelYes || r.Message != "ABCDEF" || !r.At.Equal(time.Now()) {
			t.Errorf("%+v, %v", r, err)
		}
		if got := <-f.asked; got.Sender() != p.Sender() || got.Terminal != p.Terminal {
			t.Errorf("%+v asked, want %+v", got, p)
		}
		if _, err = c.Answer(t.Context(), msg.Answer{Button: "perhaps"}); !errors.Is(err, msg.ErrButton) {
			t.Errorf("a wrong button: %v", err)
		}
		if _, err = c.Answer(t.Context(), msg.Answer{Button: strings.Repeat("x", maxButton+1)}); err == nil {
			t.Error("an endless button is sent")
		}
	})
}

func TestDND(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newService()
		bob, alice := piped(&Server{Service: f}, msg.Principal{Account: "1001"}), piped(&Server{Service: f}, msg.Principal{Account: "1000"})
		want := msg.DND{On: true, Until: time.Now().Add(time.Hour)}
		if err := bob.SetDND(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if d, err := bob.DND(t.Context()); err != nil || !d.On || !d.Until.Equal(want.Until) {
			t.Errorf("bob: %+v, %v", d, err)
		}
		if d, err := alice.DND(t.Context()); err != nil || d.On {
			t.Errorf("alice: %+v, %v", d, err)
		}
	})
}

func TestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newService()
		c := piped(&Server{Service: f}, msg.Principal{Account: "1001"})
		var ids []string
		for i := range 3 {
			m := hosttest.Message(fmt.Sprint("number ", i))
			ids = append(ids, m.ID)
			if err := c.Send(t.Context(), msg.Target{msg.ParseSelector("bob")}, m, func(msg.Receipt) {}); err != nil {
				t.Fatal(err)
			}
		}
		ask := func(id string, limit int) (got []string) {
			if err := c.Messages(t.Context(), id, limit, func(r msg.Record) { got = append(got, r.Message.ID) }); err != nil {
				t.Errorf("Messages: %v", err)
			}
			return got
		}
		if got := ask("", 2); !slices.Equal(got, []string{ids[2], ids[1]}) {
			t.Errorf("the newest two are %q of %q", got, ids)
		}
		if got := ask(msg.ShortID(ids[0]), 9); !slices.Equal(got, ids[:1]) {
			t.Errorf("the first is %q of %q", got, ids)
		}
	})
}

// TestErrors sends every error that a client can tell apart through the wire.
func TestErrors(t *testing.T) {
	refused := fmt.Errorf("sending to alice: %w by rule 3", msg.ErrRefused)
	for _, c := range []struct {
		err  error
		is   []error
		text string
	}{
		{fmt.Errorf("%w: it is empty", msg.ErrMessage), []error{msg.ErrMessage}, "message cannot be sent: it is empty"},
		{refused, []error{msg.ErrRefused}, "sending to alice: not allowed by rule 3"},
		{msg.ErrLimit, []error{msg.ErrLimit}, "too much"},
		{msg.ErrNothing, []error{msg.ErrNothing}, "no message waits for an answer"},
		{msg.ErrButton, []error{msg.ErrButton}, "the message has no such button"},
		{msg.UnsupportedError("not here: go there"), []error{errors.ErrUnsupported}, "not here: go there"},
		{&msg.NoSessionError{Selectors: []string{"a", "b,c"}}, []error{msg.ErrNoSession}, "a, b,c does not exist or is disconnected"},
		{errors.Join(refused, &msg.NoSessionError{Selectors: []string{"a"}}), []error{msg.ErrNoSession, msg.ErrRefused},
			"sending to alice: not allowed by rule 3\na does not exist or is disconnected"},
		{errors.New("the disk is full"), nil, "the disk is full"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newService()
			f.fails = c.err
			_, err := piped(&Server{Service: f}, msg.Principal{}).Sessions(t.Context())
			if err == nil || err.Error() != c.text {
				t.Fatalf("%q came as %q", c.text, err)
			}
			for _, is := range c.is {
				if !errors.Is(err, is) {
					t.Errorf("%q is not %q any more", err, is)
				}
			}
			var none, sent *msg.NoSessionError
			if errors.As(c.err, &sent) && (!errors.As(err, &none) || !slices.Equal(none.Selectors, sent.Selectors)) {
				t.Errorf("%q: missing %v, want %v", err, none, sent)
			}
			var unsupported msg.UnsupportedError
			if errors.Is(c.err, errors.ErrUnsupported) != errors.As(err, &unsupported) {
				t.Errorf("%#v came as %#v", c.err, err)
			}
		})
	}
}

// scripted makes a client of a server that says this and closes.
func scripted(says string) *Client {
	return NewClient(func(context.Context) (io.ReadWriteCloser, error) {
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		go func() {
			_, _ = io.WriteString(theirs, says)
			theirs.Close()
		}()
		return ours, nil
	}, "web1")
}

func TestGreeting(t *testing.T) {
	const hello, end = `{"msgd":1,"host":"web1"}` + "\n", `{"done":{}}` + "\n"
	for name, c := range map[string]struct {
		says string
		is   error
	}{
		"alone":                 {hello + end, nil},
		"after a banner":        {"Welcome to web1!\n\n  {\"load\": 3}\n" + hello + end, nil},
		"after a prompt":        {"\x1b[0m$ " + hello + end, nil},
		"after an echo":         {`{"version":1,"op":"sessions"}` + "\n" + hello + end, nil},
		"after 60 KiB":          {strings.Repeat(strings.Repeat("x", 4095)+"\n", 15) + hello + end, nil},
		"after more than 64 KB": {strings.Repeat(strings.Repeat("x", 4095)+"\n", 16) + hello + end, ErrSilent},
		"after one long line":   {strings.Repeat("x", 65<<10) + "\n" + hello + end, ErrSilent},
		"none":                  {"bash: msgd: command not found\n", ErrSilent},
		"nothing at all":        {"", ErrSilent},
		"half":                  {`{"msgd":1,"ho`, ErrSilent},
		"other version":         {`{"msgd":2,"name":"web1"}` + "\n" + end, ErrVersion},
		"unknown field":         {`{"msgd":1,"host":"web1","x":1}` + "\n" + end, errLine},
		"no end":                {hello, ErrLost},
		"half an end":           {hello + `{"done":{}}`, ErrLost},
		"not JSON":              {hello + "oops\n", errLine},
		"two in one":            {hello + `{"dnd":{"on":true},"done":{}}` + "\n", errLine},
		"something else":        {hello + `{"dnd":{"on":true}}` + "\n" + end, errLine},
		"unknown reply":         {hello + `{"prize":{}}` + "\n" + end, errLine},
		"too many clients":      {hello + `{"done":{"error":{"code":"limit","text":"too much"}}}` + "\n", msg.ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := scripted(c.says).Sessions(t.Context())
				if !errors.Is(err, c.is) || (err == nil) != (c.is == nil) {
					t.Errorf("%v, want %v", err, c.is)
				}
				if c.is == ErrVersion && !strings.Contains(err.Error(), "web1: ") {
					t.Errorf("%q does not name the host", err)
				}
			})
		})
	}
}

// TestLost breaks the stream in the middle of a Send.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hosttest.Message("hello")
		line := func(id, outcome, final string) string {
			return `{"receipt":{"message":"` + m.ID + `","session":{"host":"web1","id":"` + id + `","name":"","user":"bob","kind":"terminal","state":"active",` +
				`"type":"tty","idle_seconds":null,"since":null,"source":"utmp","console":false,"own":false},"outcome":"` + outcome +
				`","at":"2026-09-06T08:22:00Z","final":` + final + "}}\n"
		}
		c := scripted(`{"msgd":1,"host":"web1"}` + "\n" + line("1", "accepted", "false") + line("2", "accepted", "false") + line("1", "answered", "true"))
		var last []msg.Receipt
		err := c.Send(t.Context(), msg.Target{msg.ParseSelector("*")}, m, func(r msg.Receipt) { last = append(last, r) })
		hint := "'query message " + msg.ShortID(m.ID) + "'"
		if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), hint) {
			t.Errorf("Send: %v", err)
		}
		if len(last) != 4 || last[2].Session.ID != "1" || last[3].Session.ID != "2" {
			t.Fatalf("%d receipts: %+v", len(last), last)
		}
		if r := last[3]; r.Outcome != msg.OutcomeFailed || !r.Final || !strings.Contains(r.Detail, hint) || r.Message != m.ID {
			t.Errorf("%+v", r)
		}
	})
}

// TestStuckServer is a server that takes the cancellation and does nothing.
func TestStuckServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		c := NewClient(func(context.Context) (io.ReadWriteCloser, error) { return ours, nil }, "")
		begun := time.Now()
		_, err := c.Sessions(ctx)
		if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took != time.Minute+cancelTime {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// interrupting is a connection whose user presses Ctrl-C as soon as something is
// written.
type interrupting struct {
	net.Conn
	interrupt func()
}

func (c interrupting) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.interrupt()
	return n, err
}

// TestInterruptedWhileWriting cancels a message in the moment in which it is on
// its way: what came of it is said.
func TestInterruptedWhileWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs := net.Pipe()
		go (&Server{Service: newService()}).ServeConn(context.Background(), theirs, msg.Principal{})
		c := NewClient(func(context.Context) (io.ReadWriteCloser, error) {
			return interrupting{ours, func() { cancel(); synctest.Wait() }}, nil
		}, "")
		m := hosttest.Message("never mind")
		m.Wait = true
		final := 0
		_ = c.Send(ctx, msg.Target{msg.ParseSelector("*")}, m, func(r msg.Receipt) {
			if r.Final {
				final++
			}
		})
		if final != 3 {
			t.Errorf("%d sessions have final receipts, want 3", final)
		}
	})
}

// TestServerDoesNotRead is one that does not even take the request.
func TestServerDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c := NewClient(func(context.Context) (io.ReadWriteCloser, error) { return ours, nil }, "")
		if _, err := c.Sessions(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestClientLimits(t *testing.T) {
	c := NewClient(func(context.Context) (io.ReadWriteCloser, error) {
		t.Error("something is sent")
		return nil, io.EOF
	}, "")
	send := func(t msg.Target, m msg.Message) error { return c.Send(context.Background(), t, m, nil) }
	long := make(msg.Target, maxSelectors)
	for i := range long {
		long[i] = msg.ParseSelector(fmt.Sprintf("%0120d", i))
	}
	if err := send(long, hosttest.Message("x")); !errors.Is(err, msg.ErrLimit) {
		t.Errorf("more than a request holds: %v", err)
	}
	if err := send(append(long, long[0]), hosttest.Message("x")); err == nil {
		t.Error("more recipients than a request has")
	}
	if err := send(nil, hosttest.Message("x")); !errors.Is(err, msg.ErrTarget) {
		t.Errorf("to nobody: %v", err)
	}
	m := hosttest.Message("x")
	m.Buttons = "maybe"
	if err := send(long[:1], m); !errors.Is(err, msg.ErrMessage) {
		t.Errorf("with buttons that are not there: %v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.SetDND(ended, msg.DND{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
