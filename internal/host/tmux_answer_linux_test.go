package host

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// inTmux starts tmux and returns its terminal as a place, which its client is
// in front of.
func (w *world) inTmux() (*hosttest.PTY, place) {
	w.t.Helper()
	p := w.startTmux(w.t)
	places, err := w.places(inTime(w.t), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, x := range places {
		if x.Name == p.Name && x.client != nil {
			return p, x
		}
	}
	w.t.Fatalf("tmux is not in front of %s: %+v", p.Name, places)
	return nil, place{}
}

// tmux runs a command of the tmux of a place.
func (p place) tmux(t *testing.T, arguments ...string) {
	t.Helper()
	socket, err := clientSocket(p.client.pid)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("tmux", append([]string{"-S", socket}, arguments...)...).CombinedOutput(); err != nil {
		t.Fatalf("tmux %v: %v: %s", arguments, err, out)
	}
}

// typeUntil types the same again and again, as somebody does who has noticed
// that a popup takes nothing at first, until a window says more.
func typeUntil(t *testing.T, p *hosttest.PTY, w *window, keys string) event {
	t.Helper()
	again := time.NewTicker(2 * typingPause)
	defer again.Stop()
	ctx := inTime(t)
	for {
		select {
		case e, ok := <-w.events:
			if !ok {
				t.Fatal("no event is to come")
			}
			return e
		case <-again.C:
			p.Type(t, keys)
		case <-ctx.Done():
			t.Fatalf("typing %q does nothing: %q", keys, p.Screen.String())
		}
	}
}

func TestTmuxAnswer(t *testing.T) {
	for _, c := range []struct {
		set     msg.Buttons
		keys    string
		outcome msg.Outcome
		answer  string
	}{
		{msg.ButtonsYesNo, "n", msg.OutcomeAnswered, "No"},
		{msg.ButtonsOK, "\r", msg.OutcomeAnswered, "OK"},
		{msg.ButtonsYesNo, "\x1b", msg.OutcomeDismissed, ""},
		{msg.ButtonsRetryCancel, "\x1b", msg.OutcomeAnswered, "Cancel"},
	} {
		t.Run(fmt.Sprintf("%q", c.keys), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p, at := w.inTmux()
			win := w.windows.show(t.Context(), at, ask("sure? #{pane_id}", c.set))
			want(t, win, msg.OutcomeAccepted, "", "")
			if !p.Screen.Wait(inTime(t), "sure? #{pane_id}") {
				t.Error("the question is not shown")
			}
			if e := typeUntil(t, p, win, c.keys); e.Outcome != c.outcome || e.Answer != c.answer || e.Surface != "tmux" {
				t.Errorf("event %+v", e)
			}
			wantEnd(t, win)
		})
	}
}

// TestTmuxArrows moves to the second button.
func TestTmuxArrows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, at := w.inTmux()
	win := w.windows.show(t.Context(), at, ask("sure?", msg.ButtonsYesNo))
	want(t, win, msg.OutcomeAccepted, "", "")
	ctx := inTime(t)
	if !p.Screen.Wait(ctx, "[ No ]") {
		t.Fatal("no buttons")
	}
	before := p.Screen.Len()
	again := time.NewTicker(2 * typingPause)
	defer again.Stop()
	for moved := false; !moved && ctx.Err() == nil; <-again.C {
		p.Type(t, "\x1b[C")
		moved = strings.Contains(p.Screen.String()[before:], "[ No ]")
	}
	// How often it has moved by now cannot be known; TestPopupKeys counts.
	e := typeUntil(t, p, win, "\r")
	if e.Outcome != msg.OutcomeAnswered || e.Answer == "" {
		t.Errorf("event %+v", e)
	}
}

// TestTmuxClosedFromOutside has popups that end without a key.
func TestTmuxClosedFromOutside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		end     func(t *testing.T, p place)
		outcome msg.Outcome
	}{
		{"popup closed", func(t *testing.T, p place) { p.tmux(t, "display-popup", "-C", "-c", "/dev/"+p.tty) }, msg.OutcomeDismissed},
		{"detached", func(t *testing.T, p place) { p.tmux(t, "detach-client", "-t", "/dev/"+p.tty) }, msg.OutcomeGone},
		{"server ended", func(t *testing.T, p place) { p.tmux(t, "kill-server") }, msg.OutcomeGone},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			_, at := w.inTmux()
			win := w.windows.show(t.Context(), at, ask("sure?", msg.ButtonsYesNo))
			want(t, win, msg.OutcomeAccepted, "", "")
			c.end(t, at)
			want(t, win, c.outcome, "", "")
		})
	}
}

// TestTmuxTakenDown takes a message away from the top and from under another
// one, and the last one with the popup.
func TestTmuxTakenDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, at := w.inTmux()
	show := func(m msg.Message) *window {
		win := w.windows.show(t.Context(), at, m)
		want(t, win, msg.OutcomeAccepted, "", "")
		return win
	}
	under, middle, top := show(ask("under", msg.ButtonsOK)), show(hosttest.Message("middle")), show(ask("top", msg.ButtonsOK))
	wantEnd(t, middle)
	before := p.Screen.Len()
	middle.close()
	if !p.Screen.WaitAfter(inTime(t), before, "(1 more)") {
		t.Errorf("the message in the middle stays: %q", p.Screen.String()[before:])
	}
	top.close()
	want(t, top, msg.OutcomeFailed, "", "taken off")
	before = p.Screen.Len()
	under.close()
	want(t, under, msg.OutcomeFailed, "", "taken off")
	if !p.Screen.WaitAfter(inTime(t), before, "under 12") {
		t.Errorf("the popup stays: %q", p.Screen.String()[before:])
	}
}

// TestTmuxTwoClients asks the same user on two terminals.
func TestTmuxTwoClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, at := w.inTmux()
	q, and := w.inTmux()
	m := ask("sure?", msg.ButtonsYesNo)
	one, two := w.windows.show(t.Context(), at, m), w.windows.show(t.Context(), and, m)
	want(t, one, msg.OutcomeAccepted, "", "")
	want(t, two, msg.OutcomeAccepted, "", "")
	if e := typeUntil(t, q, two, "y"); e.Answer != "Yes" {
		t.Errorf("event %+v", e)
	}
	if e := typeUntil(t, p, one, "n"); e.Answer != "No" {
		t.Errorf("event %+v", e)
	}
}

// TestTmuxHelperKilled takes a question away that nobody hears the answer of,
// and leaves what needs no answer.
func TestTmuxHelperKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, at := w.inTmux()
	var question *window
	stays := hosttest.Message("stays")
	stays.Timeout = 3 * time.Second
	for _, m := range []msg.Message{stays, ask("goes", msg.ButtonsOK)} {
		question = w.windows.show(t.Context(), at, m)
		want(t, question, msg.OutcomeAccepted, "", "")
		if !p.Screen.Wait(inTime(t), m.Text) {
			t.Fatalf("no %q", m.Text)
		}
	}
	before := p.Screen.Len()
	w.windows.mu.Lock()
	h := w.windows.helpers[at.uid]
	w.windows.mu.Unlock()
	if err := h.process.Kill(); err != nil {
		t.Fatal(err)
	}
	want(t, question, msg.OutcomeFailed, "", errHelper.Error())
	if !p.Screen.WaitAfter(inTime(t), before, "under 12") { // at the time-out of the one that stays
		t.Errorf("the popup is still there: %q", p.Screen.String()[before:])
	}
}
