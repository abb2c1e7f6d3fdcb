package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/hosttest"
)

func TestRefusedWhole(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob"), seat("2", "zoe")))
	receipts, err := o.send("alice", "*", newMessage("spam"))
	if !errors.Is(err, msg.ErrRefused) || len(receipts) != 0 {
		t.Fatalf("%v, %v", receipts, err)
	}
	want(t, "error", err.Error(), "not allowed: alice is not in group msg and may send to their own sessions only; ask an administrator (msgd.toml)")
	if o.shows("1", "spam")+o.shows("2", "spam") > 0 {
		t.Error("it was shown")
	}
	list := o.records("root", "")
	if len(list) != 1 || list[0].Refused == "" || list[0].Message.From != "alice@test" || list[0].Account != accountOf["alice"] {
		t.Errorf("the journal has %+v", list)
	}
	if seen := o.records("bob", ""); len(seen) != 0 {
		t.Errorf("bob can read what was kept from him: %+v", seen)
	}
}

// TestOwnSessions: whoever may send to their own sessions only reaches these
// with a star, and is told of each of the others.
func TestOwnSessions(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "alice"), seat("2", "bob"), seat("3", "alice")))
	want(t, "outcomes", last(o.must("alice", "*", newMessage("x"))), "1 accepted, 2 refused, 3 accepted")
	receipts, err := o.send("alice", "bob,nosuch", newMessage("x"))
	want(t, "with one missing", last(receipts), "2 refused")
	var none *msg.NoSessionError
	if !errors.As(err, &none) || len(none.Selectors) != 1 {
		t.Errorf("missing: %v", err)
	}
	if !strings.HasPrefix(receipts[0].Detail, "not allowed: alice is not") {
		t.Errorf("detail %q", receipts[0].Detail)
	}
}

// TestWhatClientsSay: the sender, the time, and that it is shown again are not
// for the client to say.
func TestWhatClientsSay(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob")))
	m := newMessage("hello")
	m.From, m.Again, m.Sent = "root@bank", true, time.Unix(1, 0)
	o.must("zoe", "bob", m)
	if o.shows("1", "Message from zoe@test ") != 1 || o.shows("1", "(again)") != 0 || o.shows("1", "1970") != 0 {
		t.Errorf("shown: %s", o.fake.Screen(msg.Session{ID: "1"}))
	}
}

func TestIDs(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob")))
	m := newMessage("hello")
	m.ID = msg.NewID(time.Now())
	o.must("zoe", "bob", m)
	want(t, "its record", o.records("zoe", msg.ShortID(m.ID))[0].Message.ID, m.ID)
	if _, err := o.send("root", "bob", m); !errors.Is(err, msg.ErrMessage) || !strings.Contains(err.Error(), m.ID) {
		t.Errorf("an ID twice: %v", err)
	}
	for _, id := range []string{"x", strings.ToLower(m.ID), "8" + m.ID[1:], m.ID[:25] + "U", m.ID + "0"} {
		m.ID = id
		if _, err := o.send("root", "bob", m); !errors.Is(err, msg.ErrMessage) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if n := o.shows("1", "hello"); n != 1 {
		t.Errorf("shown %d times", n)
	}
	if o.waiting.count() != 0 || len(o.active) != 0 {
		t.Error("something is left of what was refused")
	}
}

func TestBadTargets(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob")))
	for name, target := range map[string]msg.Target{
		"nobody":   nil,
		"too many": make(msg.Target, maxSelectors+1),
		"too long": {msg.ParseSelector(strings.Repeat("x", maxSelectorBytes+1))},
	} {
		if err := o.Send(t.Context(), principal("root"), target, newMessage("x"), nil); !errors.Is(err, msg.ErrMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestButtonsAreBounded(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob")))
	m := newMessage("x")
	m.Buttons = msg.Buttons(strings.Repeat("x", maxButtons+1))
	if _, err := o.send("zoe", "bob", m); !errors.Is(err, msg.ErrMessage) {
		t.Error(err)
	}
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		c.Limits.MessagesPerMinute, c.Limits.Burst = 6, 2
		o := run(t, c, hosttest.NewFake(seat("1", "zoe")))
		for range 2 {
			o.must("zoe", "zoe", newMessage("x"))
		}
		_, err := o.send("zoe", "zoe", newMessage("x"))
		if !errors.Is(err, msg.ErrLimit) {
			t.Fatalf("the third: %v", err)
		}
		want(t, "error", err.Error(), "too much: zoe may send 6 messages a minute; try again in 11s")
		if _, err := o.send("zoe", "zoe", newMessage("")); !errors.Is(err, msg.ErrLimit) {
			t.Errorf("what is refused in any case: %v", err)
		}
		if _, err := o.send("alice", "zoe", newMessage("x")); !errors.Is(err, msg.ErrRefused) {
			t.Errorf("somebody else: %v", err)
		}
		time.Sleep(10 * time.Second)
		o.must("zoe", "zoe", newMessage("x"))
		for range 20 {
			o.must("root", "zoe", newMessage("x"))
		}
		time.Sleep(time.Hour + time.Second) // and housekeeping
		o.rates.mu.Lock()
		defer o.rates.mu.Unlock()
		if len(o.rates.of) != 0 {
			t.Errorf("%d accounts are remembered", len(o.rates.of))
		}
	})
}

func TestClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob")))
		ctx, cancel := context.WithCancel(t.Context())
		var receipts []msg.Receipt
		done := make(chan error)
		go func() {
			var err error
			receipts, err = o.sendUntil(ctx, "zoe", "bob", question("well?"))
			done <- err
		}()
		synctest.Wait()
		if o.fake.Waiting() != 1 || o.waiting.count() != 1 {
			t.Fatal("it does not wait")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want(t, "outcome", last(receipts), "1 failed")
		want(t, "on record", last(o.records("zoe", "")[0].Receipts), "1 failed")
		if o.fake.Waiting() != 0 || o.waiting.count() != 0 {
			t.Error("it still waits")
		}
		if _, err := o.sendUntil(ctx, "zoe", "bob", newMessage("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that has gone before: %v", err)
		}
	})
}

func TestWaitingLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		c.Limits.Waiting, c.Limits.WaitingPerAccount, c.Limits.Burst = 3, 2, 100
		o := run(t, c, hosttest.NewFake(seat("1", "bob"), seat("2", "alice")))
		ask := func(user, to string) (err error) {
			go func() { _, err = o.send(user, to, question("x")) }()
			synctest.Wait()
			return err
		}
		for _, user := range []string{"zoe", "zoe", "alice"} {
			if err := ask(user, user+",2"); err != nil && !errors.Is(err, msg.ErrNoSession) {
				t.Fatal(err)
			}
		}
		if err := ask("zoe", "2"); !errors.Is(err, msg.ErrLimit) || !strings.Contains(err.Error(), "zoe") && !strings.Contains(err.Error(), "here") {
			t.Errorf("zoe's third: %v", err)
		}
		if err := ask("bob", "1"); !errors.Is(err, msg.ErrLimit) {
			t.Errorf("the fourth of all: %v", err)
		}
		if err := ask("root", "1"); err != nil {
			t.Errorf("root: %v", err)
		}
		o.must("zoe", "1", newMessage("without waiting"))
		time.Sleep(2 * time.Minute)
		if n := o.waiting.count(); n != 0 {
			t.Errorf("%d wait after the time-out", n)
		}
		if err := ask("zoe", "1"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		time.Sleep(time.Minute)
	})
}

// TestManyWaiting has 200 sessions answer, or not, in every way.
func TestManyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outcomes := []msg.Outcome{msg.OutcomeAnswered, msg.OutcomeDismissed, msg.OutcomeExpired, msg.OutcomeGone, msg.OutcomeFailed}
		fake := hosttest.NewFake()
		for i := range 200 {
			p := does(seat(string(rune('A'+i/26))+string(rune('a'+i%26)), "bob"), outcomes[i%5], time.Duration(i)*200*time.Millisecond)
			fake.Arrive(p)
		}
		o := run(t, testConfig(t), fake)
		began := time.Now()
		count := map[msg.Outcome]int{}
		for _, r := range o.must("root", "*", question("well?")) {
			if r.Final {
				count[r.Outcome]++
			}
		}
		for _, want := range outcomes {
			if count[want] != 40 {
				t.Errorf("%s: %d, want 40", want, count[want])
			}
		}
		if took := time.Since(began); took > time.Minute+time.Second {
			t.Errorf("it took %v", took)
		}
		count = map[msg.Outcome]int{}
		for _, r := range o.records("root", "")[0].Receipts {
			count[r.Outcome]++
		}
		if count[msg.OutcomeAnswered] != 40 || count[msg.OutcomeExpired] != 40 {
			t.Errorf("on record: %v", count)
		}
	})
}

func TestAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob"), seat("2", "alice")))
		m := question("shall we?")
		m.Buttons, m.ID = msg.ButtonsYesNo, msg.NewID(time.Now())
		receipts := make(chan []msg.Receipt)
		go func() {
			list, _ := o.send("zoe", "*", m)
			receipts <- list
		}()
		synctest.Wait()
		if _, err := o.Answer(t.Context(), principal("bob"), msg.Answer{Button: "yes"}); !errors.Is(err, msg.ErrNothing) {
			t.Errorf("from another terminal, without an ID: %v", err)
		}
		here := principal("bob")
		here.Terminal = "pts/1"
		if _, err := o.Answer(t.Context(), here, msg.Answer{Button: "maybe"}); !errors.Is(err, msg.ErrButton) {
			t.Errorf("a button that is not there: %v", err)
		}
		r, err := o.Answer(t.Context(), here, msg.Answer{Button: "yes"})
		if err != nil || r.Answer != msg.LabelYes || r.Session.ID != "1" {
			t.Errorf("%+v, %v", r, err)
		}
		if got := o.records("bob", m.ID)[0].Receipts[0]; got.Answer != msg.LabelYes || !got.Final {
			t.Errorf("on record when it is answered: %+v", got)
		}
		if _, err := o.Answer(t.Context(), principal("bob"), msg.Answer{Message: m.ID, Button: "no"}); !errors.Is(err, msg.ErrNothing) {
			t.Errorf("for somebody else: %v", err)
		}
		if _, err := o.Answer(t.Context(), principal("alice"), msg.Answer{Message: strings.ToLower(msg.ShortID(m.ID)), Button: "no"}); err != nil {
			t.Errorf("by the end of the ID: %v", err)
		}
		want(t, "outcomes", last(<-receipts), "1 answered, 2 answered")
	})
}
