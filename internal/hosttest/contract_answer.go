package hosttest

import (
	"errors"
	"strings"
	"testing"

	"msg"
)

// question makes a message that waits until it is answered.
func question(text string) msg.Message {
	m := Message(text)
	m.Wait, m.Timeout, m.Buttons = true, 0, msg.ButtonsYesNo
	return m
}

// at is whoever asks from within a session.
func at(s msg.Session) msg.Principal {
	return msg.Principal{User: s.User, Account: s.Account, Host: s.Host, Terminal: s.Name, Session: s.ID}
}

// elsewhere is the same person in no session at all.
func elsewhere(s msg.Session) msg.Principal {
	return msg.Principal{User: s.User, Account: s.Account, Host: s.Host}
}

// ask sends m in the background and returns when each of these sessions shows
// it. The function it returns waits for the end of it.
func ask(t *testing.T, f Fixture, target string, m msg.Message, shownIn []msg.Session) (receipts func() []msg.Receipt) {
	t.Helper()
	var got []msg.Receipt
	done := make(chan error, 1)
	go func() {
		var err error
		got, err = send(t, t.Context(), f.Host, target, m)
		done <- err
	}()
	for _, s := range shownIn {
		waitShown(t, f, s, m.Text)
	}
	return func() []msg.Receipt {
		t.Helper()
		if err := <-done; err != nil {
			t.Errorf("Send: %v", err)
		}
		return got
	}
}

// checkAcceptedFirst demands that what was shown and waited was reported as
// shown before.
func checkAcceptedFirst(t *testing.T, receipts []msg.Receipt) {
	t.Helper()
	shown := map[string]bool{}
	for _, r := range receipts {
		switch r.Outcome {
		case msg.OutcomeAccepted:
			shown[r.Session.ID] = true
		case msg.OutcomeAnswered, msg.OutcomeDismissed, msg.OutcomeExpired:
			if !shown[r.Session.ID] {
				t.Errorf("session %s: %s comes before it was accepted", r.Session.ID, r.Outcome)
			}
		}
	}
}

// answered demands that p's answer is taken, and with that label.
func answered(t *testing.T, f Fixture, p msg.Principal, a msg.Answer, m msg.Message, label string) msg.Receipt {
	t.Helper()
	r, err := f.Answer(t.Context(), p, a)
	if err != nil || r.Message != m.ID || r.Outcome != msg.OutcomeAnswered || r.Answer != label || !r.Final || r.At.IsZero() {
		t.Errorf("Answer %+v: %+v, %v; want a final receipt that says %s", a, r, err, label)
	}
	return r
}

// notAnswered demands that it is refused.
func notAnswered(t *testing.T, f Fixture, p msg.Principal, a msg.Answer, want error) {
	t.Helper()
	if r, err := f.Answer(t.Context(), p, a); !errors.Is(err, want) {
		t.Errorf("Answer %+v of %+v: %+v, %v; want the error %q", a, p, r, err, want)
	}
}

func testAnswer(t *testing.T, f Fixture) {
	if f.Answer == nil {
		return
	}
	all := sessions(t, f.Host)
	m := question("do you agree?")
	receipts := ask(t, f, "*", m, all)
	want := map[string]string{}
	for i, s := range all {
		a := msg.Answer{Button: []string{"yes", "NO"}[i%2]}
		want[s.ID] = []string{"Yes", "No"}[i%2]
		if r := answered(t, f, at(s), a, m, want[s.ID]); r.Session.ID != s.ID {
			t.Errorf("session %s has answered, and the receipt is for %s", s.ID, r.Session.ID)
		}
	}
	got := receipts()
	checkReceipts(t, m, got, all, msg.OutcomeAnswered)
	checkAcceptedFirst(t, got)
	for _, r := range got {
		if r.Final && r.Answer != want[r.Session.ID] {
			t.Errorf("session %s has answered %q, want %q", r.Session.ID, r.Answer, want[r.Session.ID])
		}
	}
	notAnswered(t, f, at(all[0]), msg.Answer{Button: "yes"}, msg.ErrNothing)
	notAnswered(t, f, at(all[0]), msg.Answer{Button: "yes", Message: m.ID}, msg.ErrNothing)
}

func testAnswerByID(t *testing.T, f Fixture) {
	if f.Answer == nil {
		return
	}
	all := sessions(t, f.Host)
	m := question("can you come?")
	receipts := ask(t, f, all[1].ID, m, all[1:2])
	notAnswered(t, f, elsewhere(all[1]), msg.Answer{Button: "yes"}, msg.ErrNothing)
	notAnswered(t, f, elsewhere(all[1]), msg.Answer{Button: "yes", Message: m.ID[21:]}, msg.ErrNothing)
	short := strings.ToLower(msg.ShortID(m.ID))
	answered(t, f, elsewhere(all[1]), msg.Answer{Button: "no", Message: short}, m, "No")
	checkReceipts(t, m, receipts(), all[1:2], msg.OutcomeAnswered)
}

func testAnswerForOthers(t *testing.T, f Fixture) {
	if f.Answer == nil {
		return
	}
	all := sessions(t, f.Host)
	m := question("is it you?")
	receipts := ask(t, f, all[0].ID, m, all[:1])
	for _, account := range []string{"", "somebody-else"} {
		p := at(all[0])
		p.Account, p.Superuser = account, true
		notAnswered(t, f, p, msg.Answer{Button: "yes"}, msg.ErrNothing)
		notAnswered(t, f, p, msg.Answer{Button: "yes", Message: m.ID}, msg.ErrNothing)
	}
	answered(t, f, at(all[0]), msg.Answer{Button: "yes"}, m, "Yes")
	checkReceipts(t, m, receipts(), all[:1], msg.OutcomeAnswered)
}

func testWrongButton(t *testing.T, f Fixture) {
	if f.Answer == nil {
		return
	}
	all := sessions(t, f.Host)
	m := question("yes or no?")
	receipts := ask(t, f, all[0].ID, m, all[:1])
	for _, wrong := range []string{"", "ok", "cancel", "perhaps"} {
		notAnswered(t, f, at(all[0]), msg.Answer{Button: wrong}, msg.ErrButton)
		notAnswered(t, f, at(all[0]), msg.Answer{Button: wrong, Message: m.ID}, msg.ErrButton)
	}
	answered(t, f, at(all[0]), msg.Answer{Button: "no", Message: m.ID}, m, "No")
	checkReceipts(t, m, receipts(), all[:1], msg.OutcomeAnswered)
}
