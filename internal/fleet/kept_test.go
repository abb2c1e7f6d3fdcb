package fleet

import (
	"context"
	"testing"
	"time"

	"msg"
)

// TestKept holds that the sender of a message that is kept for somebody who is
// not signed in is told when he is: whether the command has left, and whether
// msgd was started anew, on either side.
func TestKept(t *testing.T) {
	slow(t)
	onBoth(t, testKept)
}

// keeper is a daemon that keeps a message until somebody is there.
type keeper struct {
	comes chan string // ID of the session that bob signs in to
}

func (k keeper) queued(id string) msg.Receipt {
	s := msg.Session{Host: "lab-07", User: "bob", Account: "1000", Idle: msg.IdleUnknown}
	return msg.Receipt{Message: id, Session: s, Outcome: msg.OutcomeQueued, At: time.Now(), Final: true}
}

func (k keeper) prepare(n *Node) {
	n.local.Send = func(_ context.Context, _ msg.Principal, _ msg.Target, m msg.Message, report func(msg.Receipt)) error {
		report(k.queued(m.ID))
		return msg.MissingError([]msg.Selector{msg.ParseSelector("zoe")})
	}
	n.local.Follow = func(_ context.Context, id string, report func(msg.Receipt)) (bool, error) {
		report(k.queued(id)) // what was told before
		session, more := <-k.comes
		if !more {
			return true, msg.ErrStopping
		}
		report(msg.Receipt{Message: id, Session: person("lab-07", session, "bob").Session, Outcome: msg.OutcomeAccepted, At: time.Now(), Final: true})
		return true, nil
	}
}

func testKept(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07")
	o.allow(boss, "send, broadcast")
	lab.end()
	known := func(id, want string) {
		t.Helper()
		boss.waitFor("it knows of "+want, func() bool {
			r := boss.Records(root, id)
			return len(r) == 1 && outcomes(r[0].Receipts) == want
		})
	}
	begin := func(m msg.Message, restart func(k keeper)) {
		t.Helper()
		k := keeper{make(chan string, 1)}
		receipts, _, err := boss.sayAs(root, "lab-07", "bob,zoe", m)
		wantErr(t, "it is off", err, "")
		id := receipts[0].Message
		known(id, "lab-07/ queued")
		lab.run(k.prepare)
		lab.waitFor("the hub knows that it is kept", func() bool {
			h := lab.inbox.get(id)
			if h == nil {
				return false
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.Report.Kept && h.Taken == h.Report.Serial
		})
		known(id, "lab-07/ queued")
		expect(t, "of whom", boss.Records(root, id)[0].Receipts[0].Session.User, "bob")
		restart(k)
		boss.run(nil)
		known(id, "lab-07/1 accepted")
		s := boss.outbox.get(id)
		boss.waitFor("it is over", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.doneBy(s.Targets[0]) && len(s.missing()) == 1
		})
		lab.end()
	}
	m := hello("for later")
	m.Queue = time.Hour
	begin(m, func(k keeper) {
		boss.end()
		k.comes <- "1"
	})
	begin(m, func(k keeper) {
		boss.end()
		close(k.comes) // msgd ends there
		lab.end()
		next := keeper{make(chan string, 1)}
		lab.run(next.prepare)
		next.comes <- "1"
	})
}

// TestPutKept holds that whom it was kept for is not in a report any more when he
// is there, and others are.
func TestPutKept(t *testing.T) {
	var r Report
	k := keeper{}
	bob := k.queued("X")
	alice := bob
	alice.Session.User = "alice"
	there := bob
	there.Session.ID, there.Outcome = "1", msg.OutcomeAccepted
	for i, c := range []struct {
		r    msg.Receipt
		news bool
		want int
	}{{bob, true, 1}, {bob, false, 1}, {alice, true, 2}, {there, true, 2}, {there, false, 2}} {
		if news := r.put(c.r); news != c.news || len(r.Receipts) != c.want || !r.keeps() {
			t.Errorf("step %d: %v, %+v", i, news, r.Receipts)
		}
	}
	expect(t, "the rest", outcomes(r.Receipts), "lab-07/ queued, lab-07/1 accepted")
	expect(t, "what it counts for", r.reach(), reachOf{sessions: 1, kept: 1})
	there.Final = false
	if r.put(there); r.keeps() {
		t.Error("it waits for bob, and says that nothing more will come")
	}
}

// TestKeptForNext has a computer join while a message is kept that its name fits:
// it is shown there, and nobody takes the report for a forgery.
func TestKeptForNext(t *testing.T) {
	o := newOffice(t)
	boss := o.join("desk-1")
	o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	m := hello("for later")
	m.Queue = time.Hour
	_, _, err := boss.say("lab-*", m)
	wantErr(t, "sending", err, "")
	next := o.join("lab-08", person("lab-08", "1", "bob"))
	next.waitFor("the hub has its report", func() bool {
		list := next.inbox.all()
		if len(list) != 1 {
			return false
		}
		list[0].mu.Lock()
		defer list[0].mu.Unlock()
		return list[0].settled()
	})
	wantErr(t, "asking what came of it", boss.catchUp(t.Context()), "")
	expect(t, "what was refused", boss.refusals(), "")
}
