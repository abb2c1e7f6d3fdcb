package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// waitingIn puts a wait on the list of a bare computer.
func waitingIn(l *Local, account, terminal string, m msg.Message) *wait {
	w := newWait(m, place{Session: msg.Session{ID: terminal, Name: terminal, Account: account, Kind: msg.KindTerminal}})
	l.waits.add([]*wait{w})
	return w
}

func withID(id string, b msg.Buttons) msg.Message {
	return msg.Message{ID: "01M86N6FEZRRTRDJY0ZE" + id, Text: "x", Wait: true, Buttons: b}
}

func TestAnswerChoosesTheMessage(t *testing.T) {
	first, second, other := withID("AAAAAA", ""), withID("BBBBBB", ""), withID("CCCCCC", "")
	same := withID("AAAAAA", "")
	same.ID = "00000000000000000000AAAAAA" // ends in the same characters
	for _, c := range []struct {
		name     string
		terminal string
		id       string
		want     string // the waits that are over, as terminal and first letter; or the error
	}{
		{"the newest here", "pts/1", "", "pts/1 B"},
		{"the only one here", "pts/2", "", "pts/2 A"},
		{"nothing here, and it is not guessed", "pts/9", "", "no message waits for an answer in this terminal; by its ID: msg /ok:CCCCCC, msg /ok:AAAAAA, msg /ok:BBBBBB (and 1 more)"},
		{"in no terminal", "", "", "no message waits for an answer in this terminal; by its ID: msg /ok:CCCCCC, msg /ok:AAAAAA, msg /ok:BBBBBB (and 1 more)"},
		{"by ID here", "pts/2", "AAAAAA", "pts/2 A"},
		{"by ID elsewhere: one person has answered for all", "pts/9", first.ID, "pts/1 A, pts/2 A"},
		{"by ID where another one waits", "pts/1", "cccccc", "pts/3 C"},
		{"by an ID that several have", "pts/9", "AAAAAA", `no message waits for an answer under the ID "AAAAAA" alone: several do, write more of it`},
		{"by an ID that none has", "pts/1", "DDDDDD", `no message waits for an answer under the ID "DDDDDD"; by its ID: msg /ok:CCCCCC, msg /ok:AAAAAA, msg /ok:BBBBBB (and 1 more)`},
		{"by an ID of somebody else", "pts/1", "EEEEEE", `no message waits for an answer under the ID "EEEEEE"; by its ID: msg /ok:CCCCCC, msg /ok:AAAAAA, msg /ok:BBBBBB (and 1 more)`},
		{"by too little of an ID", "pts/1", "AAAA", `no message waits for an answer under the ID "AAAA"; by its ID: msg /ok:CCCCCC, msg /ok:AAAAAA, msg /ok:BBBBBB (and 1 more)`},
	} {
		l := (&Local{}).ready()
		all := []*wait{
			waitingIn(l, "1000", "pts/1", first),
			waitingIn(l, "1000", "pts/2", first),
			waitingIn(l, "1000", "pts/1", second),
			waitingIn(l, "1000", "pts/4", same),
			waitingIn(l, "1000", "pts/3", other),
			waitingIn(l, "1001", "pts/9", withID("EEEEEE", "")),
		}
		r, err := l.Answer(t.Context(), msg.Principal{Account: "1000", Terminal: c.terminal}, msg.Answer{Message: c.id})
		var over []string
		for _, w := range all {
			if w.isOver() {
				over = append(over, w.place.Name+" "+w.message.ID[20:21])
			}
		}
		got := strings.Join(over, ", ")
		if err != nil {
			got = err.Error()
			if !errors.Is(err, msg.ErrNothing) || len(over) > 0 {
				t.Errorf("%s: %v, and %q are answered", c.name, err, over)
			}
		} else if r.Outcome != msg.OutcomeAnswered || r.Answer != "OK" || !r.Final {
			t.Errorf("%s: receipt %+v", c.name, r)
		}
		if got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestAnswerOfNobody(t *testing.T) {
	l := (&Local{}).ready()
	waitingIn(l, "", "pts/1", withID("AAAAAA", ""))
	waitingIn(l, "0", "pts/1", withID("BBBBBB", ""))
	for _, p := range []msg.Principal{{Terminal: "pts/1"}, {Account: "1000", Terminal: "pts/1", Superuser: true}} {
		for _, id := range []string{"", "AAAAAA", "BBBBBB"} {
			if r, err := l.Answer(t.Context(), p, msg.Answer{Message: id}); !errors.Is(err, msg.ErrNothing) || strings.Contains(err.Error(), "msg /") {
				t.Errorf("%+v answers %q: %+v, %v", p, id, r, err)
			}
		}
	}
}

func TestAnswerButtons(t *testing.T) {
	for _, c := range []struct {
		buttons msg.Buttons
		id      string
		written string
		want    string
	}{
		{"", "", "", "OK"},
		{"", "", "ok", "OK"},
		{msg.ButtonsOKCancel, "", "cAncel", "Cancel"},
		{msg.ButtonsYesNo, "", "YES", "Yes"},
		{msg.ButtonsYesNo, "", "", `the message has no such button: "OK"; answer with msg /answer:yes or msg /answer:no`},
		{msg.ButtonsYesNoCancel, "AAAAAA", "maybe", `the message has no such button: "maybe"; answer with msg /answer:yes:AAAAAA, msg /answer:no:AAAAAA or msg /answer:cancel:AAAAAA`},
		{msg.ButtonsOK, "", "\x1b", `the message has no such button: "\x1b"; answer with msg /ok`},
	} {
		l := (&Local{}).ready()
		waitingIn(l, "1", "pts/1", withID("AAAAAA", c.buttons))
		r, err := l.Answer(t.Context(), msg.Principal{Account: "1", Terminal: "pts/1"}, msg.Answer{Message: c.id, Button: c.written})
		got := r.Answer
		if err != nil {
			got = err.Error()
		}
		if got != c.want || err != nil && !errors.Is(err, msg.ErrButton) {
			t.Errorf("%q on %q: %s\nwant %s", c.written, c.buttons, got, c.want)
		}
	}
}

// Answers come from several goroutines; each message gets one.
func TestAnswersAtTheSameTime(t *testing.T) {
	w := newWorld(t)
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	var taken, refused int
	var mu sync.Mutex
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		p.Screen.Wait(t.Context(), "do you agree?")
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, err := w.Answer(t.Context(), msg.Principal{Account: fmt.Sprint(os.Getuid()), Terminal: p.Name}, msg.Answer{})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					taken++
				} else if errors.Is(err, msg.ErrNothing) {
					refused++
				}
			})
		}
		all.Wait()
	}()
	receipts, _ := w.send("*", asking(0))
	<-answers
	if taken != 1 || refused != 19 || receipts[p.Name].Outcome != msg.OutcomeAnswered {
		t.Errorf("%d taken, %d refused, receipt %+v", taken, refused, receipts[p.Name])
	}
}

// A tmux that shows no popup leaves the terminal, with how to answer there.
func TestWaitInsteadOfAPopup(t *testing.T) {
	w := newWorld(t)
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	cmd := exec.Command("sleep", "60")
	p.Start(t, cmd)
	w.onTTY(cmd.Process.Pid, os.Getpid(), "tmux: client", p.Name, "/", 5)
	w.socket("/tmp/tmux-0/default")
	m := asking(0)
	go func() {
		p.Screen.Wait(t.Context(), "msg /ok:"+msg.ShortID(m.ID))
		if _, err := w.Answer(t.Context(), msg.Principal{Account: fmt.Sprint(os.Getuid()), Terminal: p.Name}, msg.Answer{}); err != nil {
			t.Error(err)
		}
	}()
	receipts, order := w.send("*", m)
	if r := receipts[p.Name]; len(order) != 2 || r.Outcome != msg.OutcomeAnswered || r.Surface != "terminal" {
		t.Errorf("%d receipts, the last is %+v", len(order), r)
	}
}

// collect delivers or resumes and returns the receipts.
func collect(do func(report func(msg.Receipt))) []msg.Receipt {
	var all []msg.Receipt
	do(func(r msg.Receipt) { all = append(all, r) })
	return all
}

func TestDeliver(t *testing.T) {
	for _, kept := range []bool{false, true} {
		w := newWorld(t)
		a, b := w.login(hosttest.OpenPTY(t, 80, 24)), w.login(hosttest.OpenPTY(t, 80, 24))
		if kept {
			w.keep()
		}
		sessions, err := w.Sessions(t.Context())
		if err != nil || len(sessions) != 2 {
			t.Fatalf("%+v, %v", sessions, err)
		}
		here, earlier := sessions[1], sessions[0]
		here.Own = true // as whoever asks has it
		earlier.Since = earlier.Since.Add(-time.Hour)
		m := hosttest.Message("to one of them")
		got := collect(func(report func(msg.Receipt)) {
			w.Deliver(t.Context(), []msg.Session{here, earlier, here}, m, report)
		})
		outcomes := map[msg.Session]msg.Outcome{}
		for _, r := range got {
			outcomes[r.Session] = r.Outcome
			if !r.Final || r.Message != m.ID || r.At.IsZero() {
				t.Errorf("receipt %+v", r)
			}
		}
		if len(got) != 2 || outcomes[here] != msg.OutcomeAccepted || outcomes[earlier] != msg.OutcomeGone {
			t.Errorf("kept %v: receipts %+v", kept, got)
		}
		meant, other := w.ptys[here.Name], a
		if meant == a {
			other = b
		}
		if !meant.Screen.Wait(t.Context(), m.Text) || other.Screen.Len() > 0 {
			t.Errorf("kept %v: the other session shows %q", kept, other.Screen)
		}
	}
}

// TestAnswerNewestAfterRestart: messages are waited for again in any order.
func TestAnswerNewestAfterRestart(t *testing.T) {
	w := newWorld(t)
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	sessions, err := w.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := w.ready()
		var all sync.WaitGroup
		var newest msg.Message
		for _, ago := range []time.Duration{2 * time.Minute, time.Minute, 3 * time.Minute} {
			m := asking(0)
			m.ID, m.Sent = msg.NewID(time.Now()), time.Now().Add(-ago)
			if ago == time.Minute {
				newest = m
			}
			all.Go(func() { l.Resume(t.Context(), sessions, m, func(msg.Receipt) {}) })
			synctest.Wait()
		}
		who := msg.Principal{Account: fmt.Sprint(os.Getuid()), Terminal: p.Name}
		if r, err := l.Answer(t.Context(), who, msg.Answer{}); err != nil || r.Message != newest.ID {
			t.Errorf("answered is %s, %v; the newest is %s", r.Message, err, newest.ID)
		}
		for range 2 {
			if _, err := l.Answer(t.Context(), who, msg.Answer{}); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
	})
}

func TestDeliverThatCannot(t *testing.T) {
	w := newWorld(t)
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	sessions, err := w.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bad, late := hosttest.Message(""), hosttest.Message("late")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, got := range [][]msg.Receipt{
		collect(func(report func(msg.Receipt)) { w.Deliver(t.Context(), sessions, bad, report) }),
		collect(func(report func(msg.Receipt)) { w.Resume(t.Context(), sessions, bad, report) }),
		collect(func(report func(msg.Receipt)) { w.Deliver(ended, sessions, late, report) }),
	} {
		if len(got) != 1 || got[0].Outcome != msg.OutcomeFailed || got[0].Detail == "" || !got[0].Final {
			t.Errorf("receipts %+v", got)
		}
	}
	if p.Screen.Len() > 0 {
		t.Errorf("shown: %q", p.Screen)
	}
}

// TestResume has real terminals, and the time of a bubble.
func TestResume(t *testing.T) {
	w := newWorld(t)
	answers, waits, gone := w.login(hosttest.OpenPTY(t, 80, 24)), w.login(hosttest.OpenPTY(t, 80, 24)), w.login(hosttest.OpenPTY(t, 80, 24))
	sessions, err := w.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range sessions {
		if sessions[i].Name == gone.Name {
			sessions[i].Since = sessions[i].Since.Add(time.Hour)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		l := w.ready()
		m := asking(time.Hour)
		m.Sent = time.Now()
		time.Sleep(50 * time.Minute) // of the bubble's clock; msgd was restarted meanwhile
		var got []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Resume(t.Context(), sessions, m, func(r msg.Receipt) {
				got = append(got, fmt.Sprintln(r.Session.Name, r.Outcome, r.Answer, r.Final, time.Since(m.Sent)))
			})
		}()
		synctest.Wait()
		who := msg.Principal{Account: fmt.Sprint(os.Getuid()), Terminal: answers.Name}
		if r, err := l.Answer(t.Context(), who, msg.Answer{}); err != nil || r.Surface != "terminal" {
			t.Errorf("answer %+v, %v", r, err)
		}
		<-ended
		want := []string{
			fmt.Sprintln(gone.Name, msg.OutcomeGone, "", true, 50*time.Minute),
			fmt.Sprintln(answers.Name, msg.OutcomeAccepted, "", false, 50*time.Minute),
			fmt.Sprintln(waits.Name, msg.OutcomeAccepted, "", false, 50*time.Minute),
			fmt.Sprintln(answers.Name, msg.OutcomeAnswered, "OK", true, 50*time.Minute),
			fmt.Sprintln(waits.Name, msg.OutcomeExpired, "", true, time.Hour),
		}
		if !slices.Equal(got, want) {
			t.Errorf("receipts\n%q, want\n%q", got, want)
		}
		time.Sleep(time.Minute)
		late := collect(func(report func(msg.Receipt)) { l.Resume(t.Context(), sessions, m, report) })
		ends := slices.DeleteFunc(late, func(r msg.Receipt) bool { return !r.Final })
		if len(ends) != 3 || ends[1].Outcome != msg.OutcomeExpired || ends[2].Outcome != msg.OutcomeExpired {
			t.Errorf("after its time: %+v", late)
		}
	})
	for _, p := range []*hosttest.PTY{answers, waits, gone} {
		if p.Screen.Len() > 0 {
			t.Errorf("it is shown again: %q", p.Screen)
		}
	}
}
