package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// TestFollow holds that what comes of a message is known after a restart, to
// whoever had it sent before.
func TestFollow(t *testing.T) { synctest.Test(t, testFollow) }

func testFollow(t *testing.T) {
	c := testConfig(t)
	fake := hosttest.NewFake(seat("1", "alice"), does(seat("2", "bob"), msg.OutcomeAnswered, 0))
	o := run(t, c, fake)
	m := question("and?")
	m.ID = msg.NewID(time.Now())
	sent := make(chan error, 1)
	go func() {
		sent <- o.Send(context.Background(), principal("root"), msg.Target{msg.ParseSelector("*")}, m, func(msg.Receipt) {})
	}()
	synctest.Wait() // both are asked, and one has answered
	o.stop()
	if err := <-sent; !errors.Is(err, msg.ErrStopping) {
		t.Fatal(err)
	}
	o = run(t, c, fake)
	if known, err := o.Follow(t.Context(), msg.NewID(time.Now()), func(msg.Receipt) {}); known || err != nil {
		t.Errorf("a message that was never sent: %v, %v", known, err)
	}
	var receipts []msg.Receipt
	followed := make(chan error, 1)
	go func() {
		known, err := o.Follow(context.Background(), m.ID, func(r msg.Receipt) { receipts = append(receipts, r) })
		if !known {
			t.Error("it is not known")
		}
		followed <- err
	}()
	synctest.Wait()
	want(t, "before", last(receipts), "1 accepted..., 2 answered")
	if _, err := o.Answer(context.Background(), principal("alice"), msg.Answer{Message: m.ID, Button: "OK"}); err != nil {
		t.Error(err)
	}
	if err := <-followed; err != nil {
		t.Error(err)
	}
	want(t, "the end", last(receipts), "1 answered, 2 answered")
	receipts = nil
	known, err := o.Follow(t.Context(), m.ID, func(r msg.Receipt) { receipts = append(receipts, r) })
	if !known || err != nil {
		t.Errorf("when it is over: %v, %v", known, err)
	}
	want(t, "when it is over", last(receipts), "1 answered, 2 answered")
	o.stop()
}

// TestFollowKept holds that Follow tells what becomes of what is kept for people
// who are not signed in, for whom the sender does not wait: also after a restart.
func TestFollowKept(t *testing.T) { synctest.Test(t, testFollowKept) }

func testFollowKept(t *testing.T) {
	c := testConfig(t)
	fake := hosttest.NewFake()
	o := run(t, c, fake)
	m := keep(newMessage("for later"))
	m.ID = msg.NewID(time.Now())
	if err := o.Send(t.Context(), principal("root"), msg.Target{msg.ParseSelector("bob"), msg.ParseSelector("alice")}, m, func(msg.Receipt) {}); err != nil {
		t.Fatal(err)
	}
	follow := func() (receipts func() []msg.Receipt, ended chan error) {
		var list []msg.Receipt
		ended = make(chan error, 1)
		go func() {
			known, err := o.Follow(context.Background(), m.ID, func(r msg.Receipt) { list = append(list, r) })
			if !known {
				t.Error("it is not known")
			}
			ended <- err
		}()
		synctest.Wait()
		return func() []msg.Receipt { return list }, ended
	}
	receipts, ended := follow()
	want(t, "before", last(receipts()), "alice queued, bob queued")
	for _, r := range receipts() {
		if !r.Final { // as Send has told it
			t.Errorf("not final: %+v", r)
		}
	}
	fake.Arrive(seat("1", "bob"))
	synctest.Wait()
	want(t, "bob is here", last(receipts()), "1 accepted, alice queued, bob queued")
	o.stop()
	if err := <-ended; !errors.Is(err, msg.ErrStopping) {
		t.Errorf("the end of msgd: %v", err)
	}
	o = run(t, c, fake)
	receipts, ended = follow()
	want(t, "after a restart", last(receipts()), "1 accepted, alice queued")
	fake.Arrive(seat("2", "alice"))
	if err := <-ended; err != nil {
		t.Error(err)
	}
	want(t, "the end", last(receipts()), "1 accepted, 2 accepted, alice queued")

	late := keep(newMessage("for nobody"))
	late.ID = msg.NewID(time.Now())
	if err := o.Send(t.Context(), principal("root"), msg.Target{msg.ParseSelector("zoe")}, late, func(msg.Receipt) {}); err != nil {
		t.Fatal(err)
	}
	m = late
	receipts, ended = follow()
	time.Sleep(late.Queue + time.Second)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	want(t, "nobody came", last(receipts()), "zoe expired")
	o.stop()
}

// TestFleetRules holds that an account of another computer is none of this
// one, whatever it is called.
func TestFleetRules(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake(seat("1", "alice")))
	far := msg.Principal{User: "alice@desk-1", Account: "fleet:alice@desk-1", Groups: []string{"fleet:all"}}
	if err := o.Send(t.Context(), far, msg.Target{msg.ParseSelector("alice")}, newMessage("from afar"), func(msg.Receipt) {}); err != nil {
		t.Error(err)
	}
	want(t, "who sent it", o.records("root", "")[0].Message.From, "alice@desk-1")
	inNoGroup := func(string, string) (bool, error) { return false, nil }
	s := seat("1", "alice").Session
	for _, c := range []struct {
		from  string
		allow bool
	}{{"alice@desk-1", false}, {"@fleet:all", true}, {"*", true}, {"@msg", false}} {
		if v := (Rules{{From: []string{c.from}, To: []string{"*"}, Allow: true}}).Judge(far, ActionSend, s, inNoGroup); v.Allow != c.allow {
			t.Errorf("from %s: %+v", c.from, v)
		}
	}
	if groups := DefaultConfig().Groups(); len(groups) != 1 || groups[0] != "msg" {
		t.Errorf("groups of this system: %q", groups)
	}
}

// TestNoteRefused holds that a refusal is in the journal, and that many are not.
func TestNoteRefused(t *testing.T) {
	o := run(t, testConfig(t), hosttest.NewFake())
	for range 100 {
		o.NoteRefused("mallory@\x1b[2J", "ID\xff", "not proved: the signature is wrong")
	}
	records := o.records("root", "")
	if n := len(records); n < 1 || n > 20 {
		t.Fatalf("%d records", n)
	}
	want(t, "the reason", records[0].Refused, "not proved: the signature is wrong")
	want(t, "the rest", records[0].Message.Text, "message ID\ufffd, said to be from mallory@^[[2J")
	if mine := o.records("alice", ""); len(mine) != 0 {
		t.Errorf("alice sees %v", mine)
	}
}
