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

func TestStationsContract(t *testing.T) {
	hosttest.Contract(t, func(t *testing.T) hosttest.Fixture { return contractFixture(t, true) })
}

func TestStationsList(t *testing.T) {
	now := time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
	stations := stationOffice()
	stations[2].times = wts.Times{Logon: now.Add(-time.Hour), LastInput: now.Add(-90 * time.Second), Current: now}
	stations[3].times = wts.Times{Logon: now.Add(-time.Hour), LastInput: now.Add(time.Second), Current: now}
	denied := &wts.Error{Call: "WTSQuerySessionInformationW", Code: wts.ErrorAccessDenied}
	gone := &wts.Error{Call: "WTSQuerySessionInformationW", Code: wts.ErrorFileNotFound}
	stations = append(stations,
		fakeStation{Session: wts.Session{ID: 7, Name: "RDP-Tcp#7", State: wts.Active}, queryErr: denied},
		fakeStation{Session: wts.Session{ID: 8, State: wts.Connected}, queryErr: denied},
		fakeStation{Session: wts.Session{ID: 9, State: wts.Active}, queryErr: gone},
		fakeStation{Session: wts.Session{ID: 10, State: wts.Connected}},
	)
	list, err := newFakeServices(t, stations...).computer().Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	base := msg.Session{Host: "PC42", Kind: msg.KindDesktop, Idle: msg.IdleUnknown, Source: "wts"}
	want := make([]msg.Session, 9)
	for i := range want {
		want[i] = base
	}
	set := func(i int, id, name, user, account string, state msg.State) *msg.Session {
		x := &want[i]
		x.ID, x.Name, x.User, x.Account, x.State = id, name, user, account, state
		return x
	}
	set(0, "0", "Services", "", "", msg.StateDisconnected)
	alice := set(1, "1", "Console", `CORP\alice`, `corp\alice`, msg.StateActive)
	alice.Own, alice.Console = true, true
	bob := set(2, "2", "RDP-Tcp#3", `CORP\bob`, `corp\bob`, msg.StateActive)
	bob.Idle, bob.Since = 90*time.Second, now.Add(-time.Hour)
	carol := set(3, "3", "", "carol", "carol", msg.StateDisconnected)
	carol.Idle, carol.Since = 0, now.Add(-time.Hour)
	set(4, "65536", "31C5CE94259D4006A9E4#0", "", "", msg.StateListen)
	set(5, "65537", "RDP-Tcp", "", "", msg.StateListen)
	set(6, "7", "RDP-Tcp#7", "?", "", msg.StateActive)
	set(7, "8", "", "", "", msg.StateConnected)
	set(8, "10", "", "", "", msg.StateConnected)
	if !slices.Equal(list, want) {
		t.Errorf("got\n%+v\nwant\n%+v", list, want)
	}
}

func TestStationStates(t *testing.T) {
	for state, want := range map[wts.State]msg.State{
		wts.Active: msg.StateActive, wts.Connected: msg.StateConnected, wts.ConnectQuery: "connq", wts.Shadow: "shadow",
		wts.Disconnected: msg.StateDisconnected, wts.Idle: "idle", wts.Listen: msg.StateListen, wts.Reset: "reset",
		wts.Down: "down", wts.Init: "init", 77: "state 77",
	} {
		if got := stationState(state); got != want {
			t.Errorf("%d is %q, want %q", state, got, want)
		}
	}
}

// sendTo sends, and returns the last receipt of each session in the order in
// which they came.
func sendTo(t *testing.T, s *Computer, to string, m msg.Message) ([]msg.Receipt, error) {
	t.Helper()
	target, err := msg.ParseTarget(to)
	if err != nil {
		t.Fatal(err)
	}
	var last []msg.Receipt
	err = s.Send(t.Context(), target, m, func(r msg.Receipt) {
		if r.Final {
			last = append(last, r)
		}
	})
	return last, err
}

// TestStationsWithoutPeople holds that no message goes where nobody is, by
// whatever name.
func TestStationsWithoutPeople(t *testing.T) {
	stations := append(stationOffice(), fakeStation{Session: wts.Session{ID: 4, Name: "Console", State: wts.Connected}})
	stations = slices.Delete(stations, 1, 2) // nobody at the console
	f := newFakeServices(t, stations...)
	receipts, err := sendTo(t, f.computer(), "*", hosttest.Message("for people"))
	if err != nil || len(receipts) != 2 || len(f.sent()) != 2 || f.sent()[0].id != 2 || f.sent()[1].id != 3 {
		t.Errorf("*: %+v, %v, sent %+v", receipts, err, f.sent())
	}
	for _, to := range []string{"console", "0", ":0", "services", "65536", "RDP-Tcp", "SYSTEM", "4"} {
		if receipts, err := sendTo(t, f.computer(), to, hosttest.Message("x")); !errors.Is(err, msg.ErrNoSession) || len(receipts) > 0 {
			t.Errorf("%s: %+v, %v", to, receipts, err)
		}
	}
	m := hosttest.Message("x")
	f.computer().Deliver(t.Context(), []msg.Session{{Host: "PC42", ID: "0"}}, m, func(r msg.Receipt) {
		if r.Outcome != msg.OutcomeFailed || r.Detail != errNobodyThere.Error() {
			t.Errorf("Deliver: %+v", r)
		}
	})
	if len(f.sent()) != 2 {
		t.Errorf("sent %+v", f.sent()[2:])
	}
}

// TestBox holds what exactly Windows is asked to show.
func TestBox(t *testing.T) {
	long := strings.Repeat("日本語\n", 819) + "xx" // 8,192 bytes
	sent := time.Date(2026, 11, 24, 15, 4, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		message msg.Message
		want    wts.Box
	}{
		{"plain", msg.Message{Title: "Tonight", Text: "Grüße aus 東京", Timeout: time.Minute},
			wts.Box{Title: "Tonight", Text: "Grüße aus 東京", Timeout: time.Minute}},
		{"lines", msg.Message{Title: "t", Text: "a\nb\r\nc\rd\n"}, wts.Box{Title: "t", Text: "a\r\nb\r\nc\r\nd\r\n"}},
		{"the usual title", msg.Message{From: `CORP\eve`, Text: "x", Sent: sent, Locale: "de-DE", Timeout: 1},
			wts.Box{Title: `Message from CORP\eve 24.11.2026 15:04`, Text: "x", Timeout: time.Second}},
		{"hostile", msg.Message{Title: "a\nb\x00", Text: "x\x00y\u202ez"}, wts.Box{Title: "a b^@", Text: "x^@y<U+202E>z"}},
		{"yes or no", msg.Message{Title: "t", Text: "x", Buttons: msg.ButtonsYesNo, Timeout: 1500 * time.Millisecond},
			wts.Box{Title: "t", Text: "x", Style: wts.StyleYesNo, Timeout: 2 * time.Second}},
		{"longer than Windows can count", msg.Message{Title: "t", Text: "x", Timeout: (1<<32 - 1) * time.Second},
			wts.Box{Title: "t", Text: "x", Timeout: 4294967 * time.Second}},
		{"8,192 bytes", msg.Message{Title: "t", Text: long}, wts.Box{Title: "t", Text: strings.ReplaceAll(long, "\n", "\r\n")}},
	} {
		f := newFakeServices(t, seated(2, "Console", "bob"))
		c.message.ID = "ID"
		if receipts, err := sendTo(t, f.computer(), "bob", c.message); err != nil || len(receipts) != 1 || receipts[0].Outcome != msg.OutcomeAccepted || receipts[0].Surface != "messagebox" {
			t.Errorf("%s: %+v, %v", c.name, receipts, err)
		}
		if got := f.sent(); len(got) != 1 || got[0] != (sentBox{2, c.want, false}) {
			t.Errorf("%s: sent %+v, want %+v", c.name, got, c.want)
		}
	}
	if len(long) != msg.MaxText {
		t.Errorf("the long text has %d bytes", len(long))
	}
}

// TestPressed holds what each response means under each set of buttons.
func TestPressed(t *testing.T) {
	styles := map[msg.Buttons]uint32{
		"": wts.StyleOK, msg.ButtonsOK: wts.StyleOK, msg.ButtonsOKCancel: wts.StyleOKCancel, msg.ButtonsYesNo: wts.StyleYesNo,
		msg.ButtonsYesNoCancel: wts.StyleYesNoCancel, msg.ButtonsRetryCancel: wts.StyleRetryCancel,
	}
	for _, c := range []struct {
		buttons  msg.Buttons
		response wts.Response
		want     msg.Outcome
		detail   string // the answer, or a part of the detail
	}{
		{"", wts.ResponseOK, msg.OutcomeAnswered, "OK"},
		{"", wts.ResponseCancel, msg.OutcomeDismissed, ""},
		{msg.ButtonsOKCancel, wts.ResponseOK, msg.OutcomeAnswered, "OK"},
		{msg.ButtonsOKCancel, wts.ResponseCancel, msg.OutcomeAnswered, "Cancel"},
		{msg.ButtonsYesNo, wts.ResponseYes, msg.OutcomeAnswered, "Yes"},
		{msg.ButtonsYesNo, wts.ResponseNo, msg.OutcomeAnswered, "No"},
		{msg.ButtonsYesNoCancel, wts.ResponseCancel, msg.OutcomeAnswered, "Cancel"},
		{msg.ButtonsRetryCancel, wts.ResponseRetry, msg.OutcomeAnswered, "Retry"},
		{msg.ButtonsYesNo, wts.ResponseTimeout, msg.OutcomeExpired, ""},
		{msg.ButtonsYesNo, wts.ResponseAsync, msg.OutcomeAccepted, "not waited for"},
		{msg.ButtonsYesNo, wts.ResponseOK, msg.OutcomeFailed, "closed with 1"},
		{"", 11, msg.OutcomeFailed, "closed with 11"},
	} {
		bob := seated(2, "Console", "bob")
		bob.response = c.response
		f := newFakeServices(t, bob)
		m := hosttest.Message("well?")
		m.Wait, m.Buttons, m.Timeout = true, c.buttons, 0
		receipts, err := sendTo(t, f.computer(), "bob", m)
		if err != nil || len(receipts) != 1 || receipts[0].Outcome != c.want || !strings.Contains(receipts[0].Answer+receipts[0].Detail, c.detail) {
			t.Errorf("%q, %d: %+v, %v", c.buttons, c.response, receipts, err)
		}
		if got := f.sent(); len(got) != 1 || !got[0].wait || got[0].box.Style != styles[c.buttons] || got[0].box.Timeout != 0 {
			t.Errorf("%q: sent %+v", c.buttons, got)
		}
	}
}

// TestStationsSideBySide holds that a wait takes as long as the slowest, and
// that what does not come back is not waited for.
func TestStationsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quick, slow, hangs := seated(1, "Console", "quick"), seated(2, "RDP-Tcp#1", "slow"), seated(3, "RDP-Tcp#2", "hangs")
		quick.response, quick.after = wts.ResponseOK, time.Second
		slow.response, slow.after = wts.ResponseOK, 20*time.Second
		hangs.after = -1
		f := newFakeServices(t, quick, slow, hangs)
		defer f.end()
		s := f.computer()
		m := hosttest.Message("well?")
		m.Wait, m.Timeout = true, time.Minute
		begin := time.Now()
		var last []msg.Receipt
		accepted := map[string]time.Duration{}
		target := msg.Target{msg.ParseSelector("*")}
		err := s.Send(t.Context(), target, m, func(r msg.Receipt) {
			if r.Final {
				last = append(last, r)
			} else {
				accepted[r.Session.User] = time.Since(begin)
			}
		})
		if err != nil || len(last) != 3 {
			t.Fatalf("%+v, %v", last, err)
		}
		for i, want := range []struct {
			user    string
			outcome msg.Outcome
			after   time.Duration
		}{
			{`CORP\quick`, msg.OutcomeAnswered, time.Second}, {`CORP\slow`, msg.OutcomeAnswered, 20 * time.Second},
			{`CORP\hangs`, msg.OutcomeExpired, refusedWithin + time.Minute + boxGrace},
		} {
			if r := last[i]; r.Session.User != want.user || r.Outcome != want.outcome || r.At.Sub(begin) != want.after {
				t.Errorf("%+v after %v, want %+v", r, r.At.Sub(begin), want)
			}
			if accepted[want.user] != refusedWithin {
				t.Errorf("%s: accepted after %v", want.user, accepted[want.user])
			}
		}
	})
}

// TestStationsHang holds that no call is waited for too long.
func TestStationsHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bob := seated(2, "Console", "bob")
		bob.after = -1
		f := newFakeServices(t, bob)
		defer f.end()
		begin := time.Now()
		receipts, err := sendTo(t, f.computer(), "bob", hosttest.Message("x"))
		if err != nil || len(receipts) != 1 || receipts[0].Detail != errNotTaken.Error() || time.Since(begin) != boxTimeLimit {
			t.Errorf("a box: %+v, %v after %v", receipts, err, time.Since(begin))
		}
		f.listing = -1
		begin = time.Now()
		if list, err := f.computer().Sessions(t.Context()); err == nil || !strings.Contains(err.Error(), `"PC42" does not answer`) || time.Since(begin) != stationsTimeout {
			t.Errorf("a list: %v, %v after %v", list, err, time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if list, err := f.computer().Sessions(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a list that is not wanted any more: %v, %v", list, err)
		}
	})
}

// TestManyBoxes holds that boxes which are open keep others away for a while
// only.
func TestManyBoxes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bob, carol := seated(2, "Console", "bob"), seated(3, "RDP-Tcp#1", "carol")
		bob.after = -1
		f := newFakeServices(t, bob, carol)
		defer f.end()
		s := f.computer()
		s.Slots = make(chan struct{}, 1)
		m := hosttest.Message("x")
		if receipts, _ := sendTo(t, s, "bob", m); receipts[0].Outcome != msg.OutcomeFailed {
			t.Errorf("the box that hangs: %+v", receipts)
		}
		begin := time.Now()
		if receipts, _ := sendTo(t, s, "carol", m); receipts[0].Detail != errManyBoxes.Error() || time.Since(begin) != boxTimeLimit {
			t.Errorf("another: %+v after %v", receipts, time.Since(begin))
		}
		f.end()
		synctest.Wait()
		if receipts, _ := sendTo(t, s, "carol", m); receipts[0].Outcome != msg.OutcomeAccepted {
			t.Errorf("when it is gone: %+v", receipts)
		}
	})
}

func TestStationEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeServices(t, seated(1, "Console", "alice"), seated(2, "RDP-Tcp#1", "bob"))
		defer f.end()
		s := f.computer()
		m := hosttest.Message("well?")
		m.Wait, m.Timeout = true, 0
		begin := time.Now()
		go func() {
			<-time.After(11 * time.Second)
			f.leave(2)
			<-time.After(time.Hour)
			if _, err := s.Answer(t.Context(), msg.Principal{Account: `corp\alice`, Session: "1"}, msg.Answer{Button: "ok"}); err != nil {
				t.Errorf("Answer: %v", err)
			}
		}()
		receipts, err := sendTo(t, s, "*", m)
		if err != nil || len(receipts) != 2 || receipts[0].Outcome != msg.OutcomeGone || receipts[0].At.Sub(begin) != 15*time.Second || receipts[1].Outcome != msg.OutcomeAnswered {
			t.Errorf("%+v, %v", receipts, err)
		}
		gone, _ := s.Sessions(t.Context())
		f.leave(1)
		receipts = nil
		s.Deliver(t.Context(), gone, m, func(r msg.Receipt) { receipts = append(receipts, r) })
		if len(receipts) != 1 || receipts[0].Outcome != msg.OutcomeGone {
			t.Errorf("Deliver to who has left: %+v", receipts)
		}
	})
}
