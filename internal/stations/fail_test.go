package stations

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/hosttest"
	"msg/internal/wts"
)

// TestStationsNotListed holds that each number of the system has a cause and a
// cure.
func TestStationsNotListed(t *testing.T) {
	for _, c := range []struct {
		code  uint32
		local bool
		want  string // in the cure
	}{
		{0, false, "Windows gives no reason"},
		{5, false, `PC42 refuses remote calls: set AllowRemoteRPC to 1`},
		{5, true, "as administrator"},
		{53, false, "TCP port 445"},
		{1722, false, "write ssh://PC42 for"},
		{1722, true, "does not answer"},
		{1326, false, "runas /netonly"},
		{1825, false, "Kerberos does not know PC42 by that name"},
		{4711, false, "PC42: words of 4711; net helpmsg 4711"},
	} {
		f := newFakeServices(t, stationOffice()...)
		f.listErr = &wts.Error{Call: "WTSEnumerateSessionsW", Code: c.code, Text: "words of 4711"}
		s := f.other()
		if c.local {
			s = f.computer()
		}
		_, listErr := s.Sessions(t.Context())
		_, sendErr := sendTo(t, s, "*", hosttest.Message("x"))
		for _, err := range []error{listErr, sendErr} {
			var e *msg.SystemError
			if !errors.As(err, &e) || e.Code != c.code || e.Text != "words of 4711" || !strings.Contains(e.Cure, c.want) || strings.Contains(e.Cure, "%!") {
				t.Errorf("%d: %v, want %q", c.code, err, c.want)
			}
		}
		if len(f.sent()) > 0 {
			t.Errorf("%d: sent %+v", c.code, f.sent())
		}
	}
}

func TestStationRefuses(t *testing.T) {
	long := strings.Repeat("x", 513)
	for _, c := range []struct {
		code    uint32
		text    string
		outcome msg.Outcome
		want    string
	}{
		{5, "x", msg.OutcomeFailed, "Error 5: this account lacks the Message permission of that session, which administrators have"},
		{0, "x", msg.OutcomeFailed, "Error 0: Windows gives no reason"},
		{0x8000401a, "x", msg.OutcomeFailed, "Error 2147500058: nobody is really signed in there"},
		{87, "x", msg.OutcomeFailed, "Error 87: its words"},
		{87, long, msg.OutcomeFailed, "Error 87: the text may be too long for this Windows: it has 513 UTF-16 units, 512 are always taken"},
		{1783, long, msg.OutcomeFailed, "Error 1783: the text may be too long for this Windows: it has 513 UTF-16 units, 512 are always taken"},
		{7022, "x", msg.OutcomeGone, "session ended"},
		{2, "x", msg.OutcomeGone, "session ended"},
	} {
		for _, wait := range []bool{false, true} {
			bob := seated(2, "Console", "bob")
			bob.sendErr = &wts.Error{Call: "WTSSendMessageW", Code: c.code, Text: "its words"}
			f := newFakeServices(t, bob, seated(3, "RDP-Tcp#1", "carol"))
			m := hosttest.Message(c.text)
			m.Wait = wait
			receipts, err := sendTo(t, f.computer(), "bob", m)
			if err != nil || len(receipts) != 1 || receipts[0].Outcome != c.outcome || receipts[0].Detail != c.want {
				t.Errorf("%d, wait %v: %+v, %v; want %q", c.code, wait, receipts, err, c.want)
			}
		}
	}
}

// TestRemoteLimit holds that what another computer might cut is refused with
// both numbers, and that this one takes it.
func TestRemoteLimit(t *testing.T) {
	for _, c := range []struct {
		text, title string
		want        string // empty: it is sent
	}{
		{strings.Repeat("😀", 256), "t", ""},
		{strings.Repeat("😀", 256) + "x", "t", `its text has 513 UTF-16 units, "PC42" takes 512 by Windows' remote calls`},
		{strings.Repeat("x", 510) + "\n", "t", ""},
		{strings.Repeat("x", 511) + "\n", "t", "its text has 513"},
		{"x", strings.Repeat("😀", 256), ""},
		{"x", strings.Repeat("\x01", 256) + "x", ""}, // msg.Check has the limit of titles
		{"x", strings.Repeat("\u202e", 256), "its title has 2048"},
	} {
		f := newFakeServices(t, seated(2, "Console", "bob"))
		m := hosttest.Message(c.text)
		m.Title = c.title
		_, err := sendTo(t, f.other(), "bob", m)
		ok := err == nil && len(f.sent()) == 1
		if c.want != "" {
			ok = errors.Is(err, msg.ErrMessage) && strings.Contains(err.Error(), c.want) && len(f.sent()) == 0
		}
		if !ok && m.Check() == nil {
			t.Errorf("text of %d, title of %d: %v, sent %d", len(c.text), len(c.title), err, len(f.sent()))
		}
		if _, err := sendTo(t, f.computer(), "bob", m); err != nil && m.Check() == nil {
			t.Errorf("on this computer: %v", err)
		}
	}
}

// ownWindow stands in for a box without Terminal Services.
type ownWindow struct {
	box      wts.Box
	ends     context.Context
	response wts.Response
	after    time.Duration
	err      error
}

func (o *ownWindow) show(ctx context.Context, b wts.Box, shown func()) (wts.Response, error) {
	o.box, o.ends = b, ctx
	if o.err == nil {
		shown()
	}
	select {
	case <-time.After(o.after):
	case <-ctx.Done():
	}
	return o.response, o.err
}

// TestBoxInOwnSession holds that Windows cannot keep anybody from a box on the own
// screen, and that nobody gets around it for others.
func TestBoxInOwnSession(t *testing.T) {
	denied := &wts.Error{Call: "WTSSendMessageW", Code: 5}
	broken := errors.New("no desktop")
	for _, c := range []struct {
		name    string
		to      string
		wait    bool
		window  ownWindow
		sendErr error
		outcome msg.Outcome
		answer  string
		detail  string // a part
		takes   time.Duration
	}{
		{"it stays", "alice", false, ownWindow{after: time.Hour}, denied, msg.OutcomeAccepted, "", "shown by msg itself, because Windows does not: Error 5", refusedWithin},
		{"it is closed at once", "alice", false, ownWindow{response: 1}, denied, msg.OutcomeAccepted, "", "shown by msg itself", 0},
		{"it cannot be shown", "alice", false, ownWindow{err: broken}, denied, msg.OutcomeFailed, "", "and then: no desktop", 0},
		{"it is answered", "alice", true, ownWindow{after: time.Minute, response: wts.ResponseOK}, denied, msg.OutcomeAnswered, "OK", "", time.Minute},
		{"it is answered at once", "alice", true, ownWindow{response: wts.ResponseOK}, denied, msg.OutcomeAnswered, "OK", "", 0},
		{"somebody else", "bob", false, ownWindow{}, denied, msg.OutcomeFailed, "", "lacks the Message permission", 0},
		{"it is over", "alice", false, ownWindow{}, &wts.Error{Code: wts.ErrorNoWinStation}, msg.OutcomeGone, "", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				alice, bob := seated(1, "Console", "alice"), seated(2, "RDP-Tcp#1", "bob")
				alice.sendErr, bob.sendErr = c.sendErr, c.sendErr
				f := newFakeServices(t, alice, bob)
				defer f.end()
				s := f.computer()
				s.Show = c.window.show
				m := hosttest.Message("Hello")
				m.Wait, m.Timeout = c.wait, 0
				begin := time.Now()
				receipts, err := sendTo(t, s, c.to, m)
				if err != nil || len(receipts) != 1 || receipts[0].Outcome != c.outcome || receipts[0].Answer != c.answer || !strings.Contains(receipts[0].Detail, c.detail) {
					t.Fatalf("%+v, %v", receipts, err)
				}
				if took := time.Since(begin); took != c.takes {
					t.Errorf("took %v, want %v", took, c.takes)
				}
				<-time.After(c.window.after) // the window goes
				if shown := c.window.box.Text; (shown == "Hello") != (c.to == "alice" && !hasEnded(c.sendErr)) {
					t.Errorf("shown %q", shown)
				}
			})
		})
	}
}

// TestBoxInOwnSessionOutlives holds that the end of a command that does not wait
// leaves its box on the screen, and that of one that waits takes it along.
func TestBoxInOwnSessionOutlives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, wait := range []bool{false, true} {
			alice := seated(1, "Console", "alice")
			alice.sendErr = &wts.Error{Call: "WTSSendMessageW", Code: 5}
			s := newFakeServices(t, alice).computer()
			window := ownWindow{after: time.Hour}
			s.Show = window.show
			m := hosttest.Message("Hello")
			m.Wait = wait
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			if err := s.Send(ctx, msg.Target{msg.ParseSelector("alice")}, m, func(msg.Receipt) {}); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			if ended := window.ends.Err() != nil; ended != wait {
				t.Errorf("wait %v: the window has ended: %v", wait, ended)
			}
			<-time.After(window.after)
		}
	})
}

// TestDeliverNames holds that what is shown for others says whose it is, even
// under a title of their own.
func TestDeliverNames(t *testing.T) {
	f := newFakeServices(t, seated(2, "Console", "bob"))
	s := f.computer()
	list, err := s.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for title, want := range map[string]string{
		"":                     "x",
		"Message from boss at": "x\r\n\r\nfrom CORP\\eve, 2026-11-24 15:04",
	} {
		m := msg.Message{ID: "1", From: `CORP\eve`, Title: title, Text: "x", Sent: time.Date(2026, 11, 24, 15, 4, 0, 0, time.UTC)}
		s.Deliver(t.Context(), list, m, func(r msg.Receipt) {
			if r.Outcome != msg.OutcomeAccepted {
				t.Errorf("%q: %+v", title, r)
			}
		})
		if got := f.sent()[len(f.sent())-1].box.Text; got != want {
			t.Errorf("%q: shown %q, want %q", title, got, want)
		}
	}
}

// TestDeliverToTheSame holds that a session which has another person now gets
// nothing.
func TestDeliverToTheSame(t *testing.T) {
	f := newFakeServices(t, seated(2, "Console", "bob"))
	s := f.computer()
	list, err := s.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(want msg.Outcome) {
		t.Helper()
		s.Deliver(t.Context(), list, hosttest.Message("x"), func(r msg.Receipt) {
			if r.Outcome != want || !r.Final {
				t.Errorf("%+v, want %s", r, want)
			}
		})
	}
	deliver(msg.OutcomeAccepted)
	f.stations[0].user = "carol"
	deliver(msg.OutcomeGone)
	f.stations[0].user, f.stations[0].times.Logon = "bob", time.Unix(1, 0)
	deliver(msg.OutcomeGone)
	f.listErr = &wts.Error{Call: "WTSEnumerateSessionsW", Code: 5}
	deliver(msg.OutcomeFailed)
	if n := len(f.sent()); n != 1 {
		t.Errorf("%d boxes", n)
	}
}

// TestResumeStations holds that answers to what was shown before are taken, and
// that it is not shown again.
func TestResumeStations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeServices(t, seated(1, "Console", "alice"), seated(2, "RDP-Tcp#1", "bob"))
		defer f.end()
		s := f.computer()
		list, err := s.Sessions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m := hosttest.Message("well?")
		m.Wait, m.Timeout, m.Sent = true, time.Minute, time.Now().Add(-50*time.Second)
		time.AfterFunc(time.Second, func() {
			if _, err := s.Answer(t.Context(), msg.Principal{Account: `corp\bob`}, msg.Answer{Message: m.ID, Button: "ok"}); err != nil {
				t.Errorf("Answer: %v", err)
			}
		})
		begin := time.Now()
		var outcomes []msg.Outcome
		s.Resume(t.Context(), list, m, func(r msg.Receipt) { outcomes = append(outcomes, r.Outcome) })
		if !slices.Equal(outcomes, []msg.Outcome{msg.OutcomeAccepted, msg.OutcomeAccepted, msg.OutcomeAnswered, msg.OutcomeExpired}) || time.Since(begin) != 10*time.Second+boxGrace {
			t.Errorf("%v after %v", outcomes, time.Since(begin))
		}
		if len(f.sent()) > 0 {
			t.Errorf("shown again: %+v", f.sent())
		}
	})
}

// TestCloseStations holds that a computer is closed once, when no call is under
// way.
func TestCloseStations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeServices(t, seated(1, "Console", "alice"))
		defer f.end()
		s := f.computer()
		f.listing = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Sessions(ctx); err == nil {
			t.Error("a list that takes too long")
		}
		if err := s.Close(); err != nil || f.isClosed() != 0 {
			t.Errorf("closed %d times while a call is under way, %v", f.isClosed(), err)
		}
		<-time.After(time.Minute)
		synctest.Wait()
		if f.isClosed() != 1 {
			t.Errorf("closed %d times", f.isClosed())
		}
	})
}
