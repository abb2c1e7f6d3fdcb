// Package hosttest is the contract of msg.Host as tests, and what they need: a
// fake Host that is a whole implementation, real pseudo-terminals, a real X
// server.
//
// Every implementation of msg.Host runs Contract in a test of its own package.
// The package is imported by tests only.
package hosttest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"msg"
)

// Fixture is a Host for one test. It needs at least two sessions of at least
// one user.
type Fixture struct {
	Host msg.Host

	// Screen returns what a session is shown.
	Screen func(s msg.Session) *Screen

	// Waits says that the Host can wait for answers. One that cannot must say
	// errors.ErrUnsupported and show nothing.
	Waits bool

	// Answer answers a message that waits, as control.Service describes it.
	// With it, nobody else may answer. Without it answers are not tested.
	Answer func(ctx context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error)
}

// limit bounds what a test waits for; it is reached only by a failure.
const limit = 10 * time.Second

// Contract runs every test of the contract; start makes a fresh Host for each.
func Contract(t *testing.T, start func(t *testing.T) Fixture) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Fixture)
	}{
		{"sessions are well formed", testSessions},
		{"the slice is the caller's", testSliceIsOwn},
		{"star reaches each session once", testStar},
		{"one session by ID", testByID},
		{"sessions of one user", testByUser},
		{"twice named is sent once", testTwiceNamed},
		{"missing selectors are named and the others served", testMissing},
		{"nobody matches", testNobody},
		{"bad messages are refused whole", testBadMessages},
		{"hostile text is shown as plain text", testHostileText},
		{"waiting", testWait},
		{"an ended context", testEndedContext},
		{"an ended context while waiting", testEndedWhileWaiting},
		{"an answer in each session", testAnswer},
		{"an answer by ID from elsewhere", testAnswerByID},
		{"an answer for somebody else", testAnswerForOthers},
		{"an answer that there is not", testWrongButton},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, start(t)) })
	}
}

// Message makes a message that may be sent.
func Message(text string) msg.Message {
	now := time.Now()
	return msg.Message{ID: msg.NewID(now), From: "root@test", Title: "Message from root@test 10:00",
		Text: text, Timeout: 5 * time.Second, Sent: now}
}

// send sends and collects the receipts; it fails if report is called from two
// goroutines at a time or after Send has returned.
func send(t *testing.T, ctx context.Context, h msg.Host, target string, m msg.Message) ([]msg.Receipt, error) {
	t.Helper()
	to, err := msg.ParseTarget(target)
	if err != nil {
		t.Fatal(err)
	}
	var receipts []msg.Receipt
	one := make(chan struct{}, 1)
	returned := make(chan struct{})
	err = h.Send(ctx, to, m, func(r msg.Receipt) {
		select {
		case one <- struct{}{}:
		default:
			t.Error("report is called from two goroutines at the same time")
		}
		select {
		case <-returned:
			t.Error("report is called after Send has returned")
		default:
		}
		receipts = append(receipts, r)
		<-one
	})
	close(returned)
	return receipts, err
}

func sessions(t *testing.T, h msg.Host) []msg.Session {
	t.Helper()
	list, err := h.Sessions(t.Context())
	if err != nil {
		t.Fatalf("Sessions: %v", err)
	}
	if len(list) < 2 {
		t.Fatalf("the fixture has %d sessions, the contract needs two", len(list))
	}
	return list
}

// checkReceipts demands receipts for exactly these sessions: the last of each
// is final, the final one is the last, and it is one of the outcomes.
func checkReceipts(t *testing.T, m msg.Message, receipts []msg.Receipt, want []msg.Session, outcomes ...msg.Outcome) {
	t.Helper()
	last := map[string]msg.Receipt{}
	for _, r := range receipts {
		if r.Message != m.ID {
			t.Errorf("receipt %+v is for another message than %s", r, m.ID)
		}
		if r.At.IsZero() {
			t.Errorf("receipt %+v has no time", r)
		}
		if before, ok := last[r.Session.ID]; ok && before.Final {
			t.Errorf("receipt %+v follows the final one %+v", r, before)
		}
		last[r.Session.ID] = r
	}
	if len(last) != len(want) {
		t.Errorf("%d sessions have receipts, want %d", len(last), len(want))
	}
	for _, s := range want {
		r, ok := last[s.ID]
		if !ok {
			t.Errorf("session %s has no receipt", s.ID)
			continue
		}
		if !r.Final {
			t.Errorf("the last receipt of session %s is not final: %+v", s.ID, r)
		}
		if !oneOf(r.Outcome, outcomes) {
			t.Errorf("session %s: outcome %s (%s), want %v", s.ID, r.Outcome, r.Detail, outcomes)
		}
	}
}

func oneOf(o msg.Outcome, outcomes []msg.Outcome) bool {
	for _, x := range outcomes {
		if o == x {
			return true
		}
	}
	return false
}

// waitShown waits until a session shows text, which another goroutine or
// process may still have to pass on.
func waitShown(t *testing.T, f Fixture, s msg.Session, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if screen := f.Screen(s); !screen.Wait(ctx, text) {
		t.Fatalf("session %s does not show %q but %q", s.ID, text, screen)
	}
}

func testSessions(t *testing.T, f Fixture) {
	ids := map[string]bool{}
	for _, s := range sessions(t, f.Host) {
		if s.ID == "" || s.Host == "" || s.Kind == "" || s.State == "" || s.Source == "" {
			t.Errorf("session %+v lacks what every session has", s)
		}
		if key := s.Host + "\x00" + s.ID; ids[key] {
			t.Errorf("the ID %q is there twice", s.ID)
		} else {
			ids[key] = true
		}
	}
}

func testSliceIsOwn(t *testing.T, f Fixture) {
	a := sessions(t, f.Host)
	id := a[0].ID
	a[0].ID = "overwritten"
	if b := sessions(t, f.Host); b[0].ID != id {
		t.Errorf("the second list begins with %q, want %q", b[0].ID, id)
	}
}

func testStar(t *testing.T, f Fixture) {
	all := sessions(t, f.Host)
	m := Message("Meeting in 5 minutes")
	receipts, err := send(t, t.Context(), f.Host, "*", m)
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	checkReceipts(t, m, receipts, all, msg.OutcomeAccepted)
	for _, s := range all {
		waitShown(t, f, s, m.Text)
		if n := strings.Count(f.Screen(s).String(), m.Text); n != 1 {
			t.Errorf("session %s shows the message %d times", s.ID, n)
		}
	}
}

func testByID(t *testing.T, f Fixture) {
	all := sessions(t, f.Host)
	m := Message("only you")
	receipts, err := send(t, t.Context(), f.Host, all[1].ID, m)
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	checkReceipts(t, m, receipts, all[1:2], msg.OutcomeAccepted)
	waitShown(t, f, all[1], m.Text)
	if shown := f.Screen(all[0]).String(); strings.Contains(shown, m.Text) {
		t.Errorf("session %s was not meant and shows %q", all[0].ID, shown)
	}
}

func testByUser(t *testing.T, f Fixture) {
	all := sessions(t, f.Host)
	var want []msg.Session
	for _, s := range all {
		if s.User == all[0].User {
			want = append(want, s)
		}
	}
	m := Message("all of yours")
	receipts, err := send(t, t.Context(), f.Host, all[0].User+":", m)
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	checkReceipts(t, m, receipts, want, msg.OutcomeAccepted)
}

func testTwiceNamed(t *testing.T, f Fixture) {
	all := sessions(t, f.Host)
	m := Message("once is enough")
	receipts, err := send(t, t.Context(), f.Host, all[0].ID+","+all[0].User+",*", m)
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	checkReceipts(t, m, receipts, all, msg.OutcomeAccepted)
	waitShown(t, f, all[0], m.Text)
	if n := strings.Count(f.Screen(all[0]).String(), m.Text); n != 1 {
		t.Errorf("session %s shows the message %d times", all[0].ID, n)
	}
}

func testMissing(t *testing.T, f Fixture) {
	all := sessions(t, f.Host)
	m := Message("for those who are there")
	receipts, err := send(t, t.Context(), f.Host, "nobody-of-that-name,"+all[0].ID+",nor-this-one", m)
	var none *msg.NoSessionError
	if !errors.As(err, &none) || !errors.Is(err, msg.ErrNoSession) {
		t.Fatalf("Send: %v, want a NoSessionError", err)
	}
	if got := strings.Join(none.Selectors, " "); got != "nobody-of-that-name nor-this-one" {
		t.Errorf("missing: %s", got)
	}
	checkReceipts(t, m, receipts, all[:1], msg.OutcomeAccepted)
}

func testNobody(t *testing.T, f Fixture) {
	receipts, err := send(t, t.Context(), f.Host, "nobody-of-that-name", Message("hello?"))
	if !errors.Is(err, msg.ErrNoSession) {
		t.Errorf("Send: %v, want ErrNoSession", err)
	}
	if len(receipts) != 0 {
		t.Errorf("receipts %+v for nobody", receipts)
	}
}

func testBadMessages(t *testing.T, f Fixture) {
	all := sessions(t, f.Host)
	for name, text := range map[string]string{
		"empty":     "",
		"too long":  strings.Repeat("x", msg.MaxText+1),
		"not UTF-8": "bad \xff bad",
	} {
		receipts, err := send(t, t.Context(), f.Host, "*", Message(text))
		if !errors.Is(err, msg.ErrMessage) {
			t.Errorf("%s: Send: %v, want ErrMessage", name, err)
		}
		if len(receipts) != 0 {
			t.Errorf("%s: receipts %+v", name, receipts)
		}
	}
	for _, s := range all {
		if shown := f.Screen(s).String(); shown != "" {
			t.Errorf("session %s shows %q", s.ID, shown)
		}
	}
}

func testHostileText(t *testing.T, f Fixture) {
	all := sessions(t, f.Host)
	m := Message("before \x1b]0;owned\a \u009b31m \u202egnp after")
	m.Title = "\x1b[2J title"
	if _, err := send(t, t.Context(), f.Host, all[0].ID, m); err != nil {
		t.Fatalf("Send: %v", err)
	}
	waitShown(t, f, all[0], "after")
	shown := f.Screen(all[0]).String()
	if strings.ContainsAny(shown, "\x1b\u009b\u202e") || strings.Count(shown, "\a") > 1 {
		t.Errorf("hostile characters got through: %q", shown)
	}
}

func testWait(t *testing.T, f Fixture) {
	all := sessions(t, f.Host)
	m := Message("do you agree?")
	m.Wait, m.Timeout = true, 50*time.Millisecond
	receipts, err := send(t, t.Context(), f.Host, "*", m)
	if !f.Waits {
		if !errors.Is(err, errors.ErrUnsupported) || len(receipts) != 0 || f.Screen(all[0]).String() != "" {
			t.Errorf("Send: %v, receipts %+v, shown %q; want ErrUnsupported and nothing", err, receipts, f.Screen(all[0]).String())
		}
		return
	}
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	checkReceipts(t, m, receipts, all, msg.OutcomeAnswered, msg.OutcomeDismissed, msg.OutcomeExpired)
	checkAcceptedFirst(t, receipts)
}

func testEndedContext(t *testing.T, f Fixture) {
	all := sessions(t, f.Host)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := Message("too late")
	receipts, err := send(t, ctx, f.Host, "*", m)
	if err == nil {
		checkReceipts(t, m, receipts, all, msg.OutcomeFailed)
	}
	for _, s := range all {
		if shown := f.Screen(s).String(); shown != "" {
			t.Errorf("session %s shows %q", s.ID, shown)
		}
	}
}

func testEndedWhileWaiting(t *testing.T, f Fixture) {
	if !f.Waits {
		return // testWait has seen that it says so
	}
	all := sessions(t, f.Host)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := Message("never mind")
	m.Wait, m.Timeout = true, 0
	go func() {
		late, stop := context.WithTimeout(ctx, limit)
		defer stop()
		for _, s := range all {
			f.Screen(s).Wait(late, m.Text)
		}
		cancel()
	}()
	receipts, _ := send(t, ctx, f.Host, "*", m)
	checkReceipts(t, m, receipts, all, msg.OutcomeAnswered, msg.OutcomeDismissed, msg.OutcomeFailed)
	for _, r := range receipts {
		if r.Outcome == msg.OutcomeFailed && r.Detail != "interrupted" {
			t.Errorf("session %s failed because %q, want interrupted", r.Session.ID, r.Detail)
		}
	}
}
