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

// leave writes a message as msgd does and goes no further, as if it was
// killed. Sessions with an outcome have got that far.
func leave(t *testing.T, c Config, m msg.Message, places ...place) string {
	t.Helper()
	db, err := openStore(c.Journal.Path, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	m.ID, m.From, m.Sent = msg.NewID(time.Now()), "zoe@test", time.Now()
	value, err := encodeEntry(entry{Message: m, By: principal("zoe"), To: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	j := startJournal(db, nil, newMeters())
	if err := j.do(func(t tables) error {
		_, err := t.accept(accepted{id: m.ID, entry: value, sessions: encodeSessions(places), places: places})
		return err
	}, nil); err != nil {
		t.Fatal(err)
	}
	j.writes.close()
	<-j.ended
	return m.ID
}

func at(id, user string, o msg.Outcome, ago time.Duration) place {
	p := place{session: seat(id, user).Session}
	if o != "" {
		p.receipt = msg.Receipt{Outcome: o, Surface: "fake", At: time.Now().Add(-ago), Final: o != msg.OutcomeAccepted && o != msg.OutcomeQueued}
	}
	return p
}

// TestAgain: what may not have been shown is shown again, and marked, where
// the same session is still there.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		other, moved := seat("3", "bob"), seat("4", "bob")
		other.Session.Since = signedIn.Add(time.Hour)
		moved.Session.Since = signedIn.Add(time.Second) // a rounded time
		id := leave(t, c, newMessage("hello"), at("1", "bob", "", 0), at("2", "bob", "", 0), at("3", "bob", "", 0), at("4", "bob", "", 0), at("5", "bob", msg.OutcomeFailed, 0))
		o := run(t, c, hosttest.NewFake(seat("1", "bob"), other, moved, seat("5", "bob"), seat("6", "alice")))
		synctest.Wait()
		want(t, "outcomes", last(o.records("zoe", id)[0].Receipts), "1 accepted, 2 gone, 3 gone, 4 accepted, 5 failed")
		for session, n := range map[string]int{"1": 1, "3": 0, "4": 1, "5": 0, "6": 0} {
			if o.shows(session, "(again)") != n || o.shows(session, "hello") != n {
				t.Errorf("session %s shows %q", session, o.fake.Screen(msg.Session{ID: session}))
			}
		}
		if n := o.unfinished(); n != 0 {
			t.Errorf("%d messages are unfinished", n)
		}
	})
}

func TestIsSame(t *testing.T) {
	a := seat("1", "bob").Session
	for name, c := range map[string]struct {
		change func(*msg.Session)
		want   bool
	}{
		"nothing":         {func(*msg.Session) {}, true},
		"a rounded time":  {func(s *msg.Session) { s.Since = s.Since.Add(-sameSession) }, true},
		"a later session": {func(s *msg.Session) { s.Since = s.Since.Add(sameSession + 1) }, false},
		"another account": {func(s *msg.Session) { s.Account = "70001" }, false},
		"no time":         {func(s *msg.Session) { s.Since = time.Time{} }, false},
	} {
		b := a
		c.change(&b)
		if isSame(a, b) != c.want || isSame(b, a) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}

// TestResume: what was shown and not answered is waited for, and not shown
// again, until the time it had from the beginning.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		id := leave(t, c, question("well?"),
			at("1", "bob", msg.OutcomeAccepted, 20*time.Second), at("2", "alice", msg.OutcomeAccepted, 20*time.Second),
			at("3", "bob", msg.OutcomeAccepted, 20*time.Second), at("4", "bob", msg.OutcomeAccepted, 2*time.Minute), at("5", "bob", "", 0))
		o := run(t, c, hosttest.NewFake(seat("1", "bob"), seat("2", "alice"), seat("4", "bob"), seat("5", "bob")))
		synctest.Wait()
		want(t, "at once", last(o.records("zoe", id)[0].Receipts), "1 accepted..., 2 accepted..., 3 gone, 4 expired, 5 accepted...")
		if o.waiting.count() != 1 || o.fake.Waiting() != 3 {
			t.Errorf("%d messages wait in %d sessions", o.waiting.count(), o.fake.Waiting())
		}
		if o.shows("1", "well?")+o.shows("2", "well?") != 0 || o.shows("5", "(again)") != 1 {
			t.Error("what was shown is shown again, or what was not is not")
		}
		r, err := o.Answer(t.Context(), principal("alice"), msg.Answer{Message: msg.ShortID(id), Button: "ok"})
		if err != nil || r.Outcome != msg.OutcomeAnswered {
			t.Errorf("%+v, %v", r, err)
		}
		time.Sleep(40 * time.Second)
		synctest.Wait()
		want(t, "after the time-out", last(o.records("zoe", id)[0].Receipts), "1 expired, 2 answered, 3 gone, 4 expired, 5 accepted...")
		time.Sleep(20 * time.Second)
		synctest.Wait()
		want(t, "in the end", last(o.records("zoe", id)[0].Receipts), "1 expired, 2 answered, 3 gone, 4 expired, 5 expired")
		if o.waiting.count() != 0 || o.unfinished() != 0 {
			t.Error("something is left")
		}
	})
}

// slowComputer is one that takes a while to look for the sessions it is told of.
type slowComputer struct {
	*hosttest.Fake
	takes time.Duration
}

func (c slowComputer) Deliver(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	time.Sleep(c.takes)
	c.Fake.Deliver(ctx, to, m, report)
}

func (c slowComputer) Resume(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	time.Sleep(c.takes)
	c.Fake.Resume(ctx, to, m, report)
}

// TestAnswerAtOnce: windows outlive msgd, and people press buttons while it is
// only about to wait for them again.
func TestAnswerAtOnce(t *testing.T) {
	for name, outcome := range map[string]msg.Outcome{"shown": msg.OutcomeAccepted, "perhaps shown": ""} {
		synctest.Test(t, func(t *testing.T) {
			c := testConfig(t)
			id := leave(t, c, question("well?"), at("1", "bob", outcome, 20*time.Second))
			fake := hosttest.NewFake(seat("1", "bob"))
			o := runOn(t, c, slowComputer{fake, time.Second}, fake)
			if _, err := o.Answer(t.Context(), principal("alice"), msg.Answer{Message: id, Button: "ok"}); !errors.Is(err, msg.ErrNothing) {
				t.Errorf("%s: somebody else's answer: %v", name, err)
			}
			r, err := o.Answer(t.Context(), principal("bob"), msg.Answer{Message: id, Button: "ok"})
			if err != nil || r.Outcome != msg.OutcomeAnswered {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
			synctest.Wait()
			want(t, name, last(o.records("zoe", id)[0].Receipts), "1 answered")
		})
	}
}

// TestAnswerTooLong: an answer does not wait for a computer that finds nothing.
func TestAnswerTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		id := leave(t, c, question("well?"), at("1", "bob", msg.OutcomeAccepted, 0))
		fake := hosttest.NewFake(seat("1", "bob"))
		o := runOn(t, c, slowComputer{fake, time.Minute}, fake)
		began := time.Now()
		_, err := o.Answer(t.Context(), principal("bob"), msg.Answer{Message: id, Button: "ok"})
		if !errors.Is(err, errNotYet) || time.Since(began) != answerWait {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(time.Minute)
	})
}

// TestResumeForever: without a time-out it waits until it is answered.
func TestResumeForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, m := testConfig(t), question("well?")
		m.Timeout = 0
		id := leave(t, c, m, at("1", "bob", msg.OutcomeAccepted, 100*day), at("2", "alice", msg.OutcomeAccepted, 100*day))
		o := run(t, c, hosttest.NewFake(seat("1", "bob"), seat("2", "alice")))
		time.Sleep(100 * day)
		o.fake.Leave("1")
		if _, err := o.Answer(t.Context(), principal("alice"), msg.Answer{Message: id, Button: "ok"}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		want(t, "in the end", last(o.records("zoe", id)[0].Receipts), "1 gone, 2 answered")
	})
}

// resumedAt notes when a message was shown, as the computer is told.
type resumedAt struct {
	*hosttest.Fake
	sent chan time.Time
}

func (c resumedAt) Resume(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	c.sent <- m.Sent
	c.Fake.Resume(ctx, to, m, report)
}

// TestResumeSaysWhenShown: of several, the newest is answered, also of those
// that wait for ever.
func TestResumeSaysWhenShown(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			c, m := testConfig(t), question("well?")
			m.Timeout = timeout
			leave(t, c, m, at("1", "bob", msg.OutcomeAccepted, time.Minute))
			computer := resumedAt{hosttest.NewFake(seat("1", "bob")), make(chan time.Time, 1)}
			begun := time.Now()
			runOn(t, c, computer, computer.Fake)
			if sent, shown := <-computer.sent, begun.Add(-time.Minute); !sent.Equal(shown) {
				t.Errorf("shown for %v: at %v, not %v", timeout, sent, shown)
			}
		})
	}
}

func TestQueueGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		absent := at("", "bob", msg.OutcomeQueued, 0)
		absent.session.Since = time.Time{}
		leave(t, c, keep(newMessage("first")), absent)
		leave(t, c, keep(question("second")), absent)
		o := run(t, c, hosttest.NewFake(seat("1", "alice")))
		time.Sleep(time.Minute)
		if o.queue.count() != 2 {
			t.Fatalf("%d are kept", o.queue.count())
		}
		o.fake.Arrive(does(seat("2", "bob"), msg.OutcomeAnswered, time.Second))
		time.Sleep(time.Minute)
		if o.shows("2", "first") != 1 || o.shows("2", "second") != 1 || o.shows("2", "(again)") != 0 {
			t.Errorf("bob is shown %q", o.fake.Screen(msg.Session{ID: "2"}))
		}
		list := o.records("zoe", "")
		want(t, "the second", last(list[0].Receipts), "2 answered")
		want(t, "the first", last(list[1].Receipts), "2 accepted")
		if n := o.unfinished(); n != 0 {
			t.Errorf("%d messages are unfinished", n)
		}
	})
}

// TestStop: when msgd is stopped in good order, whoever waits is told so, and
// the answers come to the next msgd.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, fake := testConfig(t), hosttest.NewFake(seat("1", "bob"))
		o := run(t, c, fake)
		done, kept := make(chan error), make(chan error)
		go func() { _, err := o.send("zoe", "1", question("well?")); done <- err }()
		go func() { _, err := o.send("zoe", "alice", keep(question("and you?"))); kept <- err }()
		synctest.Wait()
		o.stop()
		for _, err := range []error{<-done, <-kept} {
			if err == nil || !strings.Contains(err.Error(), "goes on after its restart") {
				t.Errorf("the sender is told %v", err)
			}
		}
		if _, err := o.send("zoe", "1", newMessage("x")); err == nil {
			t.Error("a message is accepted by a msgd that has ended")
		}
		o = run(t, c, fake)
		o.fake.Arrive(does(seat("2", "alice"), msg.OutcomeDismissed, time.Second))
		synctest.Wait()
		if _, err := o.Answer(t.Context(), principal("bob"), msg.Answer{Message: o.records("bob", "")[0].Message.ID, Button: "ok"}); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		var outcomes []string
		for _, r := range o.records("zoe", "") {
			outcomes = append(outcomes, last(r.Receipts))
		}
		got := strings.Join(outcomes, "; ")
		if got != "1 answered; 2 dismissed" && got != "2 dismissed; 1 answered" {
			t.Errorf("in the end %q", got)
		}
		if o.shows("1", "well?") != 1 {
			t.Error("it was shown again")
		}
	})
}

// slow is a computer whose screens take a while.
type slow struct {
	*hosttest.Fake
	drawn chan struct{} // closed when they have
}

func (s slow) Deliver(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	<-s.drawn
	s.Fake.Deliver(ctx, to, m, report)
}

// TestStopWhileDrawing: what is being drawn is drawn before msgd ends.
func TestStopWhileDrawing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, fake := testConfig(t), hosttest.NewFake(seat("1", "bob"))
		computer := slow{fake, make(chan struct{})}
		d, err := Open(c, computer, testAccounts(t), quietLog())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		o := &office{Daemon: d, t: t, fake: fake}
		sent := make(chan []msg.Receipt)
		go func() { sent <- o.must("zoe", "bob", newMessage("nearly there")) }()
		synctest.Wait()
		cancel()
		time.Sleep(time.Second)
		close(computer.drawn)
		want(t, "outcome", last(<-sent), "1 accepted")
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}
