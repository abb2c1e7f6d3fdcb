package cli

import (
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/text"
)

func someRecord() msg.Record {
	sent := time.Date(2026, 11, 23, 9, 15, 0, 0, time.UTC)
	r := msg.Record{
		Message: msg.Message{ID: "01KAQ2V5N0ABCDEFGHJK5DTB4K", From: "root@web1", Title: "Reboot", Text: "Reboot now?\nIt takes a minute.",
			Buttons: msg.ButtonsYesNo, Wait: true, Timeout: time.Minute, Sent: sent, Queue: 12 * time.Hour},
		To: []string{"bob", "alice"},
	}
	add := func(name, user string, o msg.Outcome, answer, detail string, final bool) {
		r.Receipts = append(r.Receipts, msg.Receipt{Session: msg.Session{Host: "web1", ID: name, Name: name, User: user}, Outcome: o, Answer: answer, Detail: detail,
			At: sent.Add(time.Minute), Final: final})
	}
	add("pts/0", "alice", msg.OutcomeAnswered, "Yes", "", true)
	add("pts/1", "bob", msg.OutcomeExpired, "", "", true)
	add("pts/2", "bob", msg.OutcomeAnswered, "Yes", "", true)
	add("pts/3", "bob", msg.OutcomeFailed, "", "terminal is not taking output", true)
	add("pts/4", "bob", msg.OutcomeAccepted, "", "", false)
	add("", "carol", msg.OutcomeQueued, "", "", true)
	return r
}

func TestMessageTable(t *testing.T) {
	refused := someRecord()
	refused.Refused, refused.Receipts, refused.To = "not allowed: mallory may not send to bob", nil, []string{"bob"}
	nobody := someRecord()
	nobody.Receipts, nobody.Message.From, nobody.To = nil, evil, []string{strings.Repeat("x", 30)}
	got := MessageTable([]msg.Record{someRecord(), refused, nobody}, text.LocaleFor("C"))
	want := ` ID      SENT                 FROM                  TO                    OUTCOME
 5DTB4K  2026-11-23 09:15     root@web1             bob,alice             2 Yes, 1 no answer, 1 failed, 1 waiting, 1 queued
 5DTB4K  2026-11-23 09:15     root@web1             bob                   refused: not allowed: mallory may not send to bob
 5DTB4K  2026-11-23 09:15     eve^[[2J<U+202E> ` + "\ufffd" + `    xxxxxxxxxxxxxxxxx...  nobody
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMessageDetail(t *testing.T) {
	got := MessageDetail(someRecord(), text.LocaleFor("C"))
	want := `ID        01KAQ2V5N0ABCDEFGHJK5DTB4K
Sent      2026-11-23 09:15 by root@web1
To        bob, alice
Title     Reboot
Buttons   Yes, No
Time      1 minute
Kept for  12 hours
Text
    Reboot now?
    It takes a minute.
Outcome
    web1\pts/0 (alice): Yes, 2026-11-23 09:16
    web1\pts/1 (bob): no answer, 2026-11-23 09:16
    web1\pts/2 (bob): Yes, 2026-11-23 09:16
    web1\pts/3 (bob): failed, 2026-11-23 09:16: terminal is not taking output
    web1\pts/4 (bob): waiting, 2026-11-23 09:16
    web1\carol: queued, 2026-11-23 09:16
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	hostile := someRecord()
	hostile.Message.Text, hostile.Message.Title, hostile.Message.From, hostile.To = evil, evil, evil, []string{evil}
	hostile.Refused, hostile.Receipts[0].Answer, hostile.Receipts[3].Detail = evil, evil, evil
	for _, s := range []string{MessageDetail(hostile, text.LocaleFor("C")), MessageTable([]msg.Record{hostile}, text.LocaleFor("C"))} {
		if text.Plain(s) != s {
			t.Errorf("not plain text: %q", s)
		}
	}
}
