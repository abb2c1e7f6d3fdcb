package samba

import (
	"context"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/daemon"
	"msg/internal/hosttest"
	"msg/internal/login"
	"msg/internal/tsts"
)

// TestList shows the sessions to who has an account.
func TestList(t *testing.T) {
	o := open(t, nil, seat("7", "pts/3", "alice", "", ""), seat("c1", "tty2", "bob", "", ""))
	list, err := host(t, as("mallory")).Sessions(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	a, b := list[0], list[1]
	if a.ID != "7" || a.Name != "pts/3" || a.User != `LINUXBOX\alice` || a.State != msg.StateActive || !a.Since.Equal(since) || a.Idle < time.Minute {
		t.Errorf("%+v", a)
	}
	if b.ID != "40000" || b.Name != "tty2" {
		t.Errorf("%+v", b)
	}
	if !strings.Contains(o.log.String(), `smb=LINUXBOX\mallory user=LINUXBOX\mallory by=ntlm`) {
		t.Error("the log does not say who it was to smbd")
	}
}

// TestSend holds what is shown against what was sent.
func TestSend(t *testing.T) {
	o := open(t, nil, seat("7", "pts/3", "bob", "", ""))
	h := host(t, as("alice"))
	long := strings.Repeat("ä", 4096)
	for _, text := range []string{"hello", "Grüße ✓ 😀", "one\ntwo\n\nthree", long} {
		m := hosttest.Message(text)
		m.Title = ""
		got, err := send(t, t.Context(), h, "7", m)
		if err != nil || got["7"].Outcome != msg.OutcomeAccepted {
			t.Errorf("%.20q: %+v, %v", text, got, err)
		}
		screen := o.Screen(msg.Session{ID: "7"})
		if !strings.HasSuffix(screen.String(), "\n"+text+"\n") {
			t.Errorf("%.20q is not on the screen", text)
		}
	}
	if shown := o.Screen(msg.Session{ID: "7"}).String(); !strings.Contains(shown, `LINUXBOX\alice`) {
		t.Errorf("the title does not say who it is from:\n%.200s", shown)
	}
	var records []msg.Record
	root := msg.Principal{User: "root", Account: "0", Superuser: true}
	if err := o.daemon.Messages(t.Context(), root, "", 10, func(r msg.Record) { records = append(records, r) }); err != nil || len(records) != 4 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if r := records[0]; r.Account != "1001" || r.Message.From != `LINUXBOX\alice` {
		t.Errorf("the journal has account %q, sender %q", r.Account, r.Message.From)
	}
}

// TestAnswers waits for what people do.
func TestAnswers(t *testing.T) {
	open(t, nil, seat("1", "pts/1", "bob", msg.OutcomeAnswered, msg.LabelNo), seat("2", "pts/2", "bob", msg.OutcomeDismissed, ""),
		seat("3", "pts/3", "bob", msg.OutcomeExpired, ""))
	h := host(t, as("alice"))
	m := hosttest.Message("yes or no?")
	m.Wait, m.Buttons, m.Timeout = true, msg.ButtonsYesNoCancel, 2*time.Second
	got, err := send(t, t.Context(), h, "1,2,3", m)
	if err != nil {
		t.Fatal(err)
	}
	if r := got["1"]; r.Outcome != msg.OutcomeAnswered || r.Answer != msg.LabelNo {
		t.Errorf("answered: %+v", r)
	}
	if r := got["2"]; r.Answer != msg.LabelCancel && r.Outcome != msg.OutcomeDismissed {
		t.Errorf("closed: %+v", r)
	}
	if r := got["3"]; r.Outcome != msg.OutcomeExpired {
		t.Errorf("expired: %+v", r)
	}
}

// TestRights asks the rules as for anybody else.
func TestRights(t *testing.T) {
	admins := func(c *daemon.Config) { c.Windows.Administrators = []string{"@admins"} }
	forbid := func(c *daemon.Config) {
		c.Rules = daemon.Rules{{From: []string{`linuxbox\Mallory`}, To: []string{"bob"}, Allow: true}}
	}
	for _, c := range []struct {
		name, user, to string
		change         func(*daemon.Config)
		want           msg.Outcome
	}{
		{"a member of group msg", "alice", "bob", nil, msg.OutcomeAccepted},
		{"nobody in particular", "mallory", "bob", nil, msg.OutcomeRefused},
		{"to oneself", "bob", "bob", nil, msg.OutcomeAccepted},
		{"an administrator", "bob", "alice", admins, msg.OutcomeAccepted},
		{"no administrator", "mallory", "alice", admins, msg.OutcomeRefused},
		{"a rule with a domain", "mallory", "bob", forbid, msg.OutcomeAccepted},
		{"that rule and somebody else", "alice", "bob", forbid, msg.OutcomeRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			open(t, c.change, seat("1", "pts/1", "alice", "", ""), seat("2", "pts/2", "bob", "", ""))
			got, err := send(t, t.Context(), host(t, as(c.user)), c.to, hosttest.Message("hello"))
			var outcome msg.Outcome
			for _, r := range got {
				outcome = r.Outcome
			}
			refused := outcome == c.want || c.want == msg.OutcomeRefused && outcome.Bad()
			if !refused {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestCancelled takes a message off the screen when the sender goes, and when
// smbd is killed while somebody waits.
func TestCancelled(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(t *testing.T, o *office, cancel func())
	}{
		{"sender", func(_ *testing.T, _ *office, cancel func()) { cancel() }},
		{"smbd", func(t *testing.T, o *office, _ func()) { o.RestartSmbd(t) }},
		{"msgd", func(_ *testing.T, o *office, _ func()) { o.stop() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := open(t, nil, seat("1", "pts/1", "bob", "", ""))
			shown := make(chan struct{}, 1)
			o.Shown = func(msg.Session, msg.Message) { shown <- struct{}{} }
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			h := host(t, as("alice"))
			m := hosttest.Message("still there?")
			m.Wait, m.Timeout = true, 0
			done := make(chan map[string]msg.Receipt, 1)
			go func() {
				got, _ := send(t, ctx, h, "1", m)
				done <- got
			}()
			<-shown
			if o.Waiting() != 1 {
				t.Errorf("%d wait", o.Waiting())
			}
			c.end(t, o, cancel)
			select {
			case got := <-done:
				if got["1"].Outcome != msg.OutcomeFailed {
					t.Errorf("%+v", got)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the sender still waits")
			}
			o.stop()
			if o.Waiting() != 0 {
				t.Errorf("%d still wait", o.Waiting())
			}
		})
	}
}

// TestWaitingLimit counts those who wait from Windows as any others.
func TestWaitingLimit(t *testing.T) {
	o := open(t, func(c *daemon.Config) { c.Limits.WaitingPerAccount = 1 }, seat("1", "pts/1", "bob", "", ""), seat("2", "pts/2", "bob", "", ""))
	shown := make(chan struct{}, 2)
	o.Shown = func(msg.Session, msg.Message) { shown <- struct{}{} }
	m := hosttest.Message("wait")
	m.Wait = true
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	h := host(t, as("alice"))
	go func() {
		defer close(done)
		_, _ = send(t, ctx, h, "1", m)
	}()
	<-shown
	got, err := send(t, t.Context(), host(t, as("alice")), "2", m)
	if !got["2"].Outcome.Bad() {
		t.Errorf("%+v, %v", got, err)
	}
	cancel()
	<-done
}

// TestKerberos proves who it is by a ticket, with SMB and with the calls. The
// account of the realm is that of this computer with the same name.
func TestKerberos(t *testing.T) {
	o := open(t, nil, seat("1", "pts/1", "bob", msg.OutcomeAnswered, msg.LabelOK), seat("2", "pts/2", "mallory", "", ""))
	m := hosttest.Message("by a ticket")
	m.Wait = true
	got, err := send(t, t.Context(), host(t, o.byTicket(t, "alice")), "1", m)
	if err != nil || got["1"].Outcome != msg.OutcomeAnswered {
		t.Errorf("%+v, %v", got, err)
	}
	if !strings.Contains(o.log.String(), `user=MSG.TEST\alice by=kerberos`) {
		t.Error("the log does not say that it was Kerberos")
	}
	if got, err := send(t, t.Context(), host(t, o.byTicket(t, "mallory")), "1", hosttest.Message("no")); !got["1"].Outcome.Bad() {
		t.Errorf("who is not in group msg: %+v, %v", got, err)
	}
	if got, err := send(t, t.Context(), host(t, o.byTicket(t, "mallory")), "2", hosttest.Message("to myself")); got["2"].Outcome != msg.OutcomeAccepted {
		t.Errorf("to oneself: %+v, %v", got, err)
	}
}

// TestNotProved refuses whom smbd lets in and winbind, or nobody, can prove.
func TestNotProved(t *testing.T) {
	o := open(t, nil, seat("1", "pts/1", "bob", "", ""))
	_, err := tsts.Open(t.Context(), tsts.Options{Name: Name, Account: login.Account{User: "alice", Domain: "OTHERBOX"}.With(Password("alice"))})
	if err == nil {
		t.Error("the account of a domain that winbind does not know was taken")
	}
	if !o.log.Wait(t.Context(), `cmdkey /add:linuxbox`) { // the client hears of it first
		t.Error("the log does not say what to do")
	}
}
