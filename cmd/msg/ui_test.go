package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/cli"
)

// testUI is a ui that waits, and the terminal that it writes to.
func testUI() (*ui, *bytes.Buffer) {
	screen := &bytes.Buffer{}
	u := &ui{ctx: context.Background(), out: &cli.Output{W: screen}, err: screen, verbose: true}
	u.message = msg.Message{Wait: true, Timeout: time.Minute, Queue: 12 * time.Hour, Sent: time.Now()}
	return u, screen
}

func receipt(id string, o msg.Outcome, final bool) msg.Receipt {
	return msg.Receipt{Session: msg.Session{Host: "web1", ID: id, Name: "pts/" + id, User: "bob"}, Outcome: o, Answer: "OK", At: time.Now(), Final: final}
}

// drawn is what somebody who looks at the screen sees at the end.
func drawn(s string) string {
	var lines []string
	for _, line := range strings.Split(s, "\n") {
		cells, column := []rune{}, 0
		for _, r := range line {
			switch {
			case r == '\r':
				column = 0
			case r == '\b':
				column--
			case column == len(cells):
				cells, column = append(cells, r), column+1
			default:
				cells[column], column = r, column+1
			}
		}
		lines = append(lines, strings.TrimRight(string(cells), " "))
	}
	return strings.Join(lines, "\n")
}

// TestProgressNarrow draws on a terminal that is narrower than the line.
func TestProgressNarrow(t *testing.T) {
	var screen bytes.Buffer
	width := 20
	p := progress{w: &screen, width: func() int { return width }}
	p.draw(cli.ProgressLine(0, 12, 12))
	p.draw(cli.ProgressLine(1, 11, 12))
	for drawn := range strings.SplitSeq(screen.String(), "\r") {
		if n := len(strings.TrimRight(drawn, "\b")); n >= width {
			t.Errorf("%d columns of %d: %q", n, width, drawn)
		}
	}
	if s := drawn(screen.String()); s != "1 answered, 11 wait" {
		t.Errorf("the screen shows %q", s)
	}
	p.erase()
	if s := drawn(screen.String()); s != "" {
		t.Errorf("%q is left", s)
	}
	width = 0 // it does not tell
	p.draw(cli.ProgressLine(1, 11, 12))
	if s := drawn(screen.String()); s != cli.ProgressLine(1, 11, 12) {
		t.Errorf("the screen shows %q", s)
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, screen := testUI()
		u.showProgress(screen)
		u.receipt(receipt("1", msg.OutcomeAccepted, false))
		u.receipt(receipt("2", msg.OutcomeAccepted, false))
		time.Sleep(progressAfter - time.Nanosecond) // of the bubble's clock
		u.mu.Lock()                                 // the timer is another goroutine
		if s := screen.String(); strings.Contains(s, "waiting") {
			t.Fatalf("too early: %q", s)
		}
		u.mu.Unlock()
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s := drawn(screen.String()); !strings.HasSuffix(s, "\n0 answered, 2 waiting, 2 in all") {
			t.Fatalf("after a second the screen shows %q", s)
		}
		u.receipt(receipt("1", msg.OutcomeAnswered, true))
		if s := drawn(screen.String()); !strings.HasSuffix(s, "(bob, after 1.0s)\n1 answered, 1 waiting, 2 in all") {
			t.Fatalf("after an answer the screen shows %q", s)
		}
		u.problem(errors.New("something else"), "")
		if s := drawn(screen.String()); !strings.HasSuffix(s, "\nmsg: something else\n1 answered, 1 waiting, 2 in all") {
			t.Fatalf("after an error the screen shows %q", s)
		}
		u.receipt(receipt("2", msg.OutcomeExpired, true))
		if code := u.exit(); code != cli.ExitFailed {
			t.Errorf("exit code %d", code)
		}
		want := `Sending message to session pts/1, display time 60
Sending message to session pts/2, display time 60
Message to session pts/1 was answered: OK (bob, after 1.0s)
msg: something else
Message to session pts/2 got no answer in 60 seconds
`
		if s := drawn(screen.String()); s != want {
			t.Errorf("at the end the screen shows\n%s\nwant\n%s", s, want)
		}
	})
}

// TestProgressEnds holds that nothing is drawn after the end, and that a line
// that becomes shorter leaves nothing behind.
func TestProgressEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, screen := testUI()
		u.showProgress(screen)
		u.receipt(receipt("1", msg.OutcomeAccepted, false))
		u.exit()
		time.Sleep(2 * progressAfter)
		synctest.Wait()
		if s := screen.String(); strings.Contains(s, "waiting") {
			t.Errorf("drawn after the end: %q", s)
		}
	})
	var screen bytes.Buffer
	p := progress{w: &screen}
	p.draw("10 waiting")
	p.draw("9 waiting")
	if s := drawn(screen.String()); s != "9 waiting" {
		t.Errorf("the screen shows %q", s)
	}
	p.erase()
	if s := drawn(screen.String()); s != "" {
		t.Errorf("erased, the screen shows %q", s)
	}
}

// TestKept follows somebody who was not signed in and then was.
func TestKept(t *testing.T) {
	kept := msg.Receipt{Session: msg.Session{Host: "web1", User: "bob"}, Outcome: msg.OutcomeQueued}
	for _, c := range []struct {
		last msg.Receipt
		line string
		code int
	}{
		{receipt("7", msg.OutcomeAnswered, true), "Sending message to session pts/7, display time 60\nMessage to session pts/7 was answered: OK (bob, after ", cli.ExitOK},
		{msg.Receipt{Session: kept.Session, Outcome: msg.OutcomeExpired, Detail: "not signed in in time", Final: true}, "Message to session bob got no answer: not signed in in time\n", cli.ExitNoAnswer},
	} {
		u, screen := testUI()
		u.receipt(kept)
		u.receipt(c.last)
		if got := screen.String(); !strings.HasPrefix(got, "Message for bob is kept until the next sign-in, at most 12 hours\n"+c.line) {
			t.Errorf("printed %q", got)
		}
		if len(u.begun) != 1 || u.done != 1 {
			t.Errorf("%d of %d are done", u.done, len(u.begun))
		}
		if code := u.exit(); code != c.code {
			t.Errorf("exit code %d, want %d", code, c.code)
		}
	}
}

// TestNoButtons has a surface that shows a message but takes no answer.
func TestNoButtons(t *testing.T) {
	u, screen := testUI()
	r := receipt("1", msg.OutcomeAccepted, true)
	r.Detail = "the notification has no buttons"
	u.receipt(r)
	if got := screen.String(); !strings.HasSuffix(got, "\nMessage to session pts/1 cannot be answered there: the notification has no buttons\n") {
		t.Errorf("printed %q", got)
	}
	if code := u.exit(); code != cli.ExitNoAnswer {
		t.Errorf("exit code %d", code)
	}
}
