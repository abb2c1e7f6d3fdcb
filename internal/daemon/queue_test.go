package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/account"
	"msg/internal/hosttest"
)

// keep makes a message that is kept for an hour.
func keep(m msg.Message) msg.Message {
	m.Queue = time.Hour
	return m
}

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake(seat("1", "alice")))
		receipts := o.must("zoe", "alice,bob", keep(newMessage("come here")))
		want(t, "at once", last(receipts), "1 accepted, bob queued")
		for _, r := range receipts {
			if r.Outcome == msg.OutcomeQueued && (r.Session.Account != accountOf["bob"] || r.Session.Host == "" || !r.Final) {
				t.Errorf("%+v", r)
			}
		}
		want(t, "on record", last(o.records("zoe", "")[0].Receipts), "1 accepted, bob queued...")
		if len(o.records("bob", "")) != 0 {
			t.Error("bob reads it before he is shown it")
		}
		time.Sleep(30 * time.Minute)
		o.fake.Arrive(seat("2", "zoe")) // somebody else
		synctest.Wait()
		o.fake.Arrive(seat("3", "bob"))
		synctest.Wait()
		if o.shows("3", "come here") != 1 || o.shows("3", "(again)")+o.shows("2", "come here") != 0 {
			t.Errorf("bob is shown %q", o.fake.Screen(msg.Session{ID: "3"}))
		}
		want(t, "in the end", last(o.records("zoe", "")[0].Receipts), "1 accepted, 3 accepted")
		want(t, "bob's part", last(o.records("bob", "")[0].Receipts), "3 accepted")
		o.fake.Arrive(seat("4", "bob"))
		time.Sleep(2 * time.Hour)
		if o.shows("4", "come here") != 0 || o.queue.count() != 0 {
			t.Error("it is shown once more to somebody who has seen it")
		}
	})
}

// TestQueueAccountReused: what is kept for somebody whose account was removed is
// not for whoever has its number now. One with a new name is still the same.
func TestQueueAccountReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake())
		o.must("zoe", "bob", keep(newMessage("secret of bob's")))
		o.must("zoe", "alice", keep(newMessage("for alice")))
		other, alias := seat("1", "bob"), seat("2", "alice")
		other.Session.User, alias.Session.User = "mallory", `EXAMPLE\alice`
		o.fake.Arrive(other, alias)
		time.Sleep(time.Minute)
		if o.shows("2", "for alice") != 1 {
			t.Error("alice is not shown hers")
		}
		if o.shows("1", "secret of bob's") == 0 {
			t.Error("the account is bob's by its name, whatever the session says")
		}
	})
	etc := t.TempDir()
	write := func(passwd string) {
		for name, content := range map[string]string{"passwd": passwd, "group": testGroup} {
			if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(testPasswd)
	synctest.Test(t, func(t *testing.T) {
		fake := hosttest.NewFake()
		o := runFor(t, testConfig(t), fake, fake, account.NewAt(etc))
		o.must("zoe", "bob", keep(newMessage("secret of bob's")))
		time.Sleep(time.Minute)
		write(strings.Replace(testPasswd, "bob:", "mallory:", 1))
		other := seat("1", "bob")
		other.Session.User = "mallory"
		fake.Arrive(other)
		time.Sleep(time.Minute)
		if o.shows("1", "secret of bob's") != 0 {
			t.Error("mallory is shown what was kept for bob")
		}
		want(t, "in the end", last(o.records("zoe", "")[0].Receipts), "bob gone")
		if o.queue.count() != 0 {
			t.Error("it is still kept")
		}
	})
}

// tiring is a computer that shows each message faster than the one before.
type tiring struct {
	*hosttest.Fake
	calls atomic.Int64
}

func (c *tiring) Deliver(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	time.Sleep(time.Second / time.Duration(c.calls.Add(1))) // of the bubble's clock
	c.Fake.Deliver(ctx, to, m, report)
}

// TestQueueSessions: whoever signs in with several sessions is shown it in all
// of them, in the order in which the messages were sent.
func TestQueueSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := hosttest.NewFake()
		o := runOn(t, testConfig(t), &tiring{Fake: fake}, fake)
		for i := range 5 {
			o.must("zoe", "bob", keep(newMessage(fmt.Sprintf("message %d.", i))))
		}
		fake.Arrive(seat("1", "bob"), seat("2", "bob")) // one after the other, the first alone could be shown it
		time.Sleep(time.Minute)
		for _, id := range []string{"1", "2"} {
			at := -1
			for i := range 5 {
				next := strings.Index(fake.Screen(msg.Session{ID: id}).String(), fmt.Sprintf("message %d.", i))
				if next <= at {
					t.Errorf("session %s: message %d is at %d, the one before at %d", id, i, next, at)
				}
				at = next
			}
		}
	})
}

func TestQueueExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake(seat("1", "alice")))
		o.must("zoe", "bob", keep(newMessage("too late")))
		time.Sleep(time.Hour)
		synctest.Wait()
		want(t, "on record", last(o.records("zoe", "")[0].Receipts), "bob expired")
		o.fake.Arrive(seat("2", "bob"))
		synctest.Wait()
		if o.shows("2", "too late") != 0 || o.queue.count() != 0 {
			t.Error("it is shown all the same")
		}
	})
}

func TestQueueWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake())
		var receipts []msg.Receipt
		done := make(chan error)
		go func() {
			to, _ := msg.ParseTarget("bob")
			done <- o.Send(t.Context(), principal("zoe"), to, keep(question("well?")), func(r msg.Receipt) { receipts = append(receipts, r) })
		}()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		want(t, "at first", last(receipts), "bob queued...")
		o.fake.Arrive(does(seat("1", "bob"), msg.OutcomeAnswered, 5*time.Second))
		if err := <-done; err != nil {
			t.Error(err)
		}
		want(t, "in the end", last(receipts), "1 answered, bob queued...")
		if o.waiting.count() != 0 || o.queue.count() != 0 {
			t.Error("it still waits")
		}
	})
}

func TestQueueClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan []msg.Receipt)
		go func() {
			receipts, _ := o.sendUntil(ctx, "zoe", "bob", keep(question("well?")))
			done <- receipts
		}()
		synctest.Wait()
		cancel()
		want(t, "outcome", last(<-done), "bob failed")
		want(t, "on record", last(o.records("zoe", "")[0].Receipts), "bob failed")
		o.fake.Arrive(seat("1", "bob"))
		synctest.Wait()
		if o.shows("1", "well?") != 0 || o.queue.count() != 0 || o.waiting.count() != 0 {
			t.Error("it is kept all the same")
		}
	})
}

// TestQueueWhom: only people who exist are waited for.
func TestQueueWhom(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "zoe")))
	receipts, err := o.send("root", "bob,bob:,0,pts/9,alice:3,no-such-account-anywhere,x*", keep(newMessage("x")))
	want(t, "kept", last(receipts), "bob queued")
	var none *msg.NoSessionError
	if !errors.As(err, &none) || strings.Join(none.Selectors, " ") != "0 pts/9 alice:3 no-such-account-anywhere x*" {
		t.Errorf("missing: %v", err)
	}
	if _, err := o.send("alice", "bob", keep(newMessage("x"))); !errors.Is(err, msg.ErrRefused) {
		t.Errorf("against the rules: %v", err)
	}
}

func TestQueueDND(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake())
		o.setDND("bob", msg.DND{On: true, Until: time.Now().Add(20 * time.Minute)})
		o.setDND("alice", msg.DND{On: true})
		o.must("zoe", "bob", keep(newMessage("when you have time")))
		o.must("zoe", "alice", keep(newMessage("when you have time")))
		o.fake.Arrive(seat("1", "bob"))
		o.fake.Arrive(seat("2", "alice"))
		time.Sleep(20*time.Minute - time.Second)
		if o.shows("1", "when") != 0 {
			t.Error("bob is disturbed")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if o.shows("1", "when") != 1 {
			t.Error("bob is not shown it when he may be disturbed")
		}
		if o.shows("2", "when") != 0 {
			t.Error("alice is disturbed")
		}
		o.setDND("alice", msg.DND{})
		synctest.Wait()
		if o.shows("2", "when") != 1 {
			t.Error("alice is not shown it when she may be disturbed")
		}
	})
}

func TestQueueUrgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		c.Rules = rules(t, "[[rule]]\nfrom=['@adm']\nurgent=true\n[[rule]]\nfrom=['*']")
		o := run(t, c, hosttest.NewFake())
		o.setDND("alice", msg.DND{On: true})
		o.must("bob", "alice", keep(newMessage("urgent")))
		o.must("zoe", "alice", keep(newMessage("some time")))
		o.fake.Arrive(seat("1", "alice"))
		synctest.Wait()
		if o.shows("1", "urgent") != 1 || o.shows("1", "some time") != 0 {
			t.Errorf("alice is shown %q", o.fake.Screen(msg.Session{ID: "1"}))
		}
	})
}

// TestQueueRules: the rules are asked again when somebody signs in.
func TestQueueRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		c.Rules = rules(t, "[[rule]]\nfrom=['*']\nsessions=['console']\nallow=false\nreason='not there'\n[[rule]]\nfrom=['*']\n[[rule]]\nfrom=['bob']\nurgent=true")
		o := run(t, c, hosttest.NewFake())
		o.must("zoe", "bob", keep(newMessage("hello")))
		console := seat("1", "bob")
		console.Session.Console = true
		o.fake.Arrive(console)
		synctest.Wait()
		want(t, "at the console", last(o.records("zoe", "")[0].Receipts), "1 refused")
		if o.shows("1", "hello") != 0 {
			t.Error("it is shown where it may not be")
		}
		if unfinished := o.unfinished(); unfinished != 0 {
			t.Errorf("%d messages are unfinished", unfinished)
		}
	})
}

func (o *office) unfinished() (n int) {
	_ = o.journal.view(func(t tables) error {
		list, err := t.loadUnfinished()
		n = len(list)
		return err
	})
	return n
}

func TestQueueLimits(t *testing.T) {
	c := testConfig(t)
	c.Limits.Queue, c.Limits.QueuePerAccount, c.Limits.QueueTime, c.Limits.Burst = 4, 2, 2*time.Hour, 100
	c.Rules = rules(t, "[[rule]]\nfrom=['*']")
	o := run(t, c, hosttest.NewFake())
	o.must("zoe", "bob", keep(newMessage("1")))
	o.must("zoe", "alice", keep(newMessage("2")))
	for name, try := range map[string]func() error{
		"the third of one sender": func() error { _, err := o.send("zoe", "root", keep(newMessage("3"))); return err },
		"a whole list":            func() error { _, err := o.send("zoe", "root,bob,alice", keep(newMessage("3"))); return err },
		"three for one": func() error {
			o.must("alice", "bob", keep(newMessage("3")))
			_, err := o.send("bob", "bob", keep(newMessage("4")))
			return err
		},
		"too long": func() error {
			m := newMessage("x")
			m.Queue = 3 * time.Hour
			_, err := o.send("bob", "alice", m)
			return err
		},
	} {
		if err := try(); !errors.Is(err, msg.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.must("bob", "alice", keep(newMessage("4")))
	if _, err := o.send("alice", "root", keep(newMessage("5"))); !errors.Is(err, msg.ErrLimit) {
		t.Errorf("the fifth of all: %v", err)
	}
	o.must("root", "bob", keep(newMessage("root may")))
	if n := o.queue.count(); n != 5 {
		t.Errorf("%d are kept", n)
	}
}
