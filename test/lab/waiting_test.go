package lab_test

import (
	"sync"
	"testing"
	"time"

	"msg"
	"msg/test/lab"
)

// TestManyWait asks two hundred sessions at once. Some answer, some close the
// question, some do nothing, some go away, and some take no output.
func TestManyWait(t *testing.T) {
	const answer, expire, gone, stuck, dismiss = 70, 70, 30, 20, 10
	host := withUsers(lab.Boot(t, "trixie"))
	install(t, host)
	startDaemon(t, host)

	var screens []*lab.Screen
	for range dismiss {
		s := host.Screen("carol")
		screens = append(screens, s)
		await(t, s, lab.Shows("lab[/dev/pts/"))
		s.Type("tmux -L own" + string(rune('a'+len(screens))) + "\r")
		await(t, s, lab.Shows("0:bash*"))
	}
	terms := signIn(host, answer+expire+gone+stuck)
	answering, leaving, stopped := terms[:answer], terms[answer:answer+gone], terms[answer+gone:answer+gone+stuck]
	want := map[string]msg.Outcome{}
	for _, term := range terms {
		want[term.TTY()] = msg.OutcomeExpired
	}
	for _, term := range answering {
		want[term.TTY()] = msg.OutcomeAnswered
	}
	for _, term := range leaving {
		want[term.TTY()] = msg.OutcomeGone
	}
	for _, term := range stopped {
		want[term.TTY()] = msg.OutcomeFailed
		term.Type("\x13") // Ctrl-S
	}

	const timeout = 40 * time.Second
	var wg sync.WaitGroup
	// First the popups, one after another: looking at ten screens all the time,
	// while a hundred shells start a program each, is work for more computers
	// than this one.
	popups := make(chan struct{})
	wg.Go(func() {
		defer close(popups)
		for _, s := range screens {
			if s.WaitFor(lab.Shows("are-you-there"), timeout/4) == nil {
				pressLater(host, s, "Escape")
			}
		}
	})
	for _, term := range answering {
		wg.Go(func() {
			if <-popups; term.WaitFor("msg /ok", timeout) == nil {
				term.Type("msg /ok\r")
			}
		})
	}
	for _, term := range leaving {
		wg.Go(func() {
			if <-popups; term.WaitFor("msg /ok", timeout) == nil {
				term.Close()
			}
		})
	}
	r := host.Run(t.Context(), "msg", "/w", "/json", "/time:40", "*", "are-you-there")
	wg.Wait()

	final, dismissed := map[string]msg.Outcome{}, 0
	for _, receipt := range receiptsOf(t, r.Stdout) {
		switch {
		case !receipt.Final:
		case receipt.Session.User == "carol":
			if receipt.Outcome == msg.OutcomeDismissed {
				dismissed++
			}
		default:
			if _, twice := final[receipt.Session.Name]; twice {
				t.Errorf("two final receipts for %s", receipt.Session.Name)
			}
			final[receipt.Session.Name] = receipt.Outcome
		}
	}
	wrong := 0
	for name, outcome := range want {
		if final[name] != outcome {
			wrong++
			t.Errorf("%s: %q, want %q", name, final[name], outcome)
		}
	}
	if dismissed != dismiss {
		t.Errorf("%d of %d popups were dismissed", dismissed, dismiss)
	}
	t.Logf("%d sessions, %d wrong, in %v", len(want)+dismiss, wrong, r.Took.Round(time.Millisecond))
	if r.Took > timeout+2*time.Second { // one is promised, one is for a busy computer
		t.Errorf("it took %v", r.Took)
	}
}
