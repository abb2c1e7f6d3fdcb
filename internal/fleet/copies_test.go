package fleet

import (
	"strings"
	"testing"
	"time"

	"msg"
)

// TestSentAgain holds that a message which its sender sends again is shown once
// and written down as nothing bad; and that each of its copies is a replay when
// somebody else sends it.
func TestSentAgain(t *testing.T) { onBoth(t, testSentAgain) }

func testSentAgain(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	subject := subjectHost(kindSend, "desk-1", "lab-07")
	now := time.Now()
	e := Envelope{ID: msg.NewID(now), Op: opSend, To: []string{"*"}, Message: hello("once"), Issued: now, Expires: now.Add(time.Hour)}
	e.Message.ID, e.Message.Sent = e.ID, now
	s, err := boss.prepare(t.Context(), root, []string{"lab-07"}, &e)
	wantErr(t, "preparing", err, "")
	boss.publishAll(s, e)
	settled := func() bool {
		h := lab.inbox.get(e.ID)
		if h == nil {
			return false
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.settled()
	}
	lab.waitFor("it is over", settled)

	var copies [][]byte
	for range 3 {
		s.mu.Lock()
		copies = append(copies, boss.copyOf(s, e))
		s.mu.Unlock()
		boss.publishOne(subject, e, copies[len(copies)-1], false)
	}
	has := func(n int) func() bool {
		return func() bool {
			h := lab.inbox.get(e.ID)
			h.mu.Lock()
			defer h.mu.Unlock()
			return len(h.Copies) == n
		}
	}
	lab.waitFor("all copies are there", has(4))
	expect(t, "refusals", lab.refusals(), "")

	for i, wire := range append(copies, s.Wire) {
		if err := o.hub.conn.Publish(subject, wire); err != nil {
			t.Fatal(err)
		}
		lab.waitFor("a replay is written down", func() bool { return strings.Count(lab.refusals(), "it has been here before") == i+1 })
	}
	lab.end()
	lab.run(nil) // which has not forgotten
	if err := o.hub.conn.Publish(subject, copies[0]); err != nil {
		t.Fatal(err)
	}
	lab.waitFor("a replay is written down after a restart", func() bool { return strings.Count(lab.refusals(), "it has been here before") == 5 })
	when := first(peek(copies[2])).Again.Format(time.RFC3339Nano)
	changed := alter(copies[2], when, "3"+when[1:])
	if err := o.hub.conn.Publish(subject, changed); err != nil {
		t.Fatal(err)
	}
	lab.waitFor("another copy cannot be made of it", func() bool { return strings.Contains(lab.refusals(), "the signature is not that of the key") })
	expect(t, "shown", strings.Count(lab.screen("1"), "once"), 1)
}

// TestIsReplay holds that only what is remembered, or too old to be, is a replay.
func TestIsReplay(t *testing.T) {
	var h held
	e := Envelope{Issued: time.Now()}
	at := func(i int) Envelope {
		c := e
		c.Again = e.Issued.Add(time.Duration(i) * time.Second)
		return c
	}
	if h.isReplay(e) || !h.isReplay(e) {
		t.Error("the first copy")
	}
	for i := maxCopies + 10; i > 10; i-- { // the order in which they come is not that in which they left
		if h.isReplay(at(i)) {
			t.Fatalf("copy %d", i)
		}
	}
	expect(t, "remembered", len(h.Copies), maxCopies)
	for _, i := range []int{1, 10, 11, 12, maxCopies + 10} {
		if !h.isReplay(at(i)) {
			t.Errorf("copy %d is none", i)
		}
	}
	if h.isReplay(at(maxCopies + 11)) {
		t.Error("one after all these")
	}
	if !h.isReplay(e) {
		t.Error("the first one, which is forgotten")
	}
}
