package msg_test

import (
	"encoding/json"
	"testing"
	"time"

	"msg"
)

// TestReceiptJSON holds the names of the fields, which scripts rely on.
func TestReceiptJSON(t *testing.T) {
	const session = `{"host":"web1","id":"3","name":"pts/3","user":"bob","kind":"terminal","state":"active","type":"tty",` +
		`"idle_seconds":null,"since":null,"source":"utmp","console":false,"own":false}`
	s := msg.Session{Host: "web1", ID: "3", Name: "pts/3", User: "bob", Kind: msg.KindTerminal, State: msg.StateActive,
		Type: "tty", Idle: msg.IdleUnknown, Source: "utmp"}
	at := time.Date(2026, 9, 6, 8, 22, 0, 500e6, time.UTC)
	for _, c := range []struct {
		name    string
		receipt msg.Receipt
		json    string
	}{
		{
			"accepted",
			msg.Receipt{Message: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Session: s, Outcome: msg.OutcomeAccepted, Surface: "terminal", At: at},
			`{"message":"01ARZ3NDEKTSV4RRFFQ69G5FAV","session":` + session + `,"outcome":"accepted","surface":"terminal","at":"2026-09-06T08:22:00.5Z","final":false}`,
		},
		{
			"answered",
			msg.Receipt{Message: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Session: s, Outcome: msg.OutcomeAnswered, Answer: "yes", Surface: "tmux", At: at, Final: true},
			`{"message":"01ARZ3NDEKTSV4RRFFQ69G5FAV","session":` + session + `,"outcome":"answered","answer":"yes","surface":"tmux","at":"2026-09-06T08:22:00.5Z","final":true}`,
		},
		{
			"failed",
			msg.Receipt{Message: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Session: s, Outcome: msg.OutcomeFailed, Detail: "terminal is stuck", At: at, Final: true},
			`{"message":"01ARZ3NDEKTSV4RRFFQ69G5FAV","session":` + session + `,"outcome":"failed","detail":"terminal is stuck","at":"2026-09-06T08:22:00.5Z","final":true}`,
		},
	} {
		b, err := json.Marshal(c.receipt)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if string(b) != c.json {
			t.Errorf("%s:\n got %s\nwant %s", c.name, b, c.json)
		}
		var back msg.Receipt
		if err := json.Unmarshal(b, &back); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if back != c.receipt {
			t.Errorf("%s: round trip\n got %+v\nwant %+v", c.name, back, c.receipt)
		}
	}
}

// TestOutcomes holds the words and which of them are failures.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		outcome msg.Outcome
		word    string
		bad     bool
	}{
		{msg.OutcomeAccepted, "accepted", false},
		{msg.OutcomeAnswered, "answered", false},
		{msg.OutcomeDismissed, "dismissed", false},
		{msg.OutcomeExpired, "expired", false},
		{msg.OutcomeRefused, "refused", true},
		{msg.OutcomeGone, "gone", true},
		{msg.OutcomeFailed, "failed", true},
		{msg.OutcomeQueued, "queued", false},
	} {
		if string(c.outcome) != c.word || c.outcome.Bad() != c.bad {
			t.Errorf("outcome %q: Bad = %v, want %q and %v", c.outcome, c.outcome.Bad(), c.word, c.bad)
		}
	}
}
