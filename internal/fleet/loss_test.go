package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"msg"
)

// TestStoreReplaced holds that a hub whose store was lost, or is an older copy,
// has members take what it keeps for them all the same: its numbers begin anew.
func TestStoreReplaced(t *testing.T) {
	o := newOffice(t)
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	keep := func(text string) {
		t.Helper()
		m := hello(text)
		m.Queue = time.Hour
		receipts, _, err := boss.say("lab-07", m)
		wantErr(t, text, err, "")
		expect(t, text, outcomes(receipts), "lab-07/ queued")
		boss.waitFor("the hub has it", func() bool {
			s := boss.outbox.get(receipts[0].Message)
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.Stored
		})
	}
	back := func(text string) {
		t.Helper()
		lab.run(nil)
		lab.waitFor("it is shown "+text, func() bool { return strings.Contains(lab.screen("1"), text) })
		lab.end()
	}
	lab.end()
	for _, text := range []string{"first", "second"} {
		keep(text)
	}
	back("second")
	boss.end()
	o.stop()
	if err := os.RemoveAll(filepath.Join(o.dir, storeDir)); err != nil {
		t.Fatal(err)
	}
	o.start()
	boss.run(nil)
	o.allow(boss, "send, broadcast")
	keep("in a new store")
	for range 3 { // more than there were in the other
		keep("what else is there")
	}
	back("in a new store")

	ahead := lab.state
	ahead.After += 1000
	if err := writeJSON(filepath.Join(lab.dir, stateFile), ahead); err != nil {
		t.Fatal(err)
	}
	keep("in an older copy")
	back("in an older copy")
	for _, text := range []string{"first", "second", "in a new store", "in an older copy"} {
		expect(t, text, strings.Count(lab.screen("1"), text), 1)
	}
	expect(t, "refusals", lab.refusals(), "")
}

// TestAnswerAtReturn holds that an answer is known which the hub was just about to
// write when the sender came back: the sender was not there to hear it, and it is
// not in stream AUDIT yet when the sender asks.
func TestAnswerAtReturn(t *testing.T) {
	slow(t)
	o := newOffice(t)
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	for i := range 5 {
		m := hello(fmt.Sprintf("question %d", i))
		m.Wait, m.ID, m.Sent = true, msg.NewID(time.Now()), time.Now()
		asked, ended := make(chan struct{}), make(chan error, 1)
		tell := sync.OnceFunc(func() { close(asked) })
		go func() {
			ended <- boss.Send(context.Background(), root, []string{"lab-07"}, first(msg.ParseTarget("*")), m, func(msg.Receipt) { tell() }, func(msg.Reach) {})
		}()
		<-asked
		boss.end()
		<-ended
		_, err := lab.fake.Answer(t.Context(), msg.Principal{Account: "1000"}, msg.Answer{Message: m.ID, Button: "OK"})
		wantErr(t, "answering", err, "")
		boss.run(nil)
		boss.waitFor("it knows the answer", func() bool {
			r := boss.Records(root, m.ID)
			return len(r) == 1 && len(r[0].Receipts) == 1 && r[0].Receipts[0].Outcome == msg.OutcomeAnswered
		})
	}
}

// TestLateReport holds that what a member says after it was given up counts, and
// is known after a restart of the sender too.
func TestLateReport(t *testing.T) {
	o := newOffice(t)
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	lab.hold = make(chan struct{})
	now := time.Now()
	e := Envelope{ID: msg.NewID(now), Op: opSend, To: []string{"*"}, Message: hello("late"), Issued: now, Expires: now.Add(time.Hour)}
	e.Message.ID, e.Message.Sent = e.ID, now
	s, err := boss.prepare(context.Background(), root, []string{"lab-07"}, &e)
	wantErr(t, "preparing", err, "")
	boss.publishAll(s, e)
	lab.waitFor("it has it", func() bool { return lab.inbox.get(e.ID) != nil })
	if !boss.settle(s, e, now.Add(-2*noReply)) {
		t.Fatal("it is not over")
	}
	wantErr(t, "writing", boss.outbox.flush(s), "")
	expect(t, "given up", outcomes(boss.Records(root, e.ID)[0].Receipts), "lab-07/ failed")
	close(lab.hold)
	boss.waitFor("it is reached", func() bool { return outcomes(boss.Records(root, e.ID)[0].Receipts) == "lab-07/1 accepted" })
	lab.waitFor("the hub has it", func() bool {
		h := lab.inbox.get(e.ID)
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.settled()
	})
	boss.end()
	o.stop() // nobody tells it again
	boss.Node, err = Open(boss.dir, "1.0", boss.local, testLog(t))
	wantErr(t, "opening", err, "")
	expect(t, "after a restart", outcomes(boss.Records(root, e.ID)[0].Receipts), "lab-07/1 accepted")
	o.start() // for its end
}
