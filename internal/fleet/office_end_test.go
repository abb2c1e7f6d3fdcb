package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"msg"
)

// TestOffice is what an office does: everybody, a tag, names, a question.
func TestOffice(t *testing.T) { onBoth(t, testOffice) }

func testOffice(t *testing.T, o *office) {
	boss := o.join("desk-1", person("desk-1", "1", "alice"))
	lab := o.join("lab-07", person("lab-07", "1", "bob"), person("lab-07", "2", "carol"))
	asks := person("lab-08", "1", "dora")
	asks.Does, asks.Answer = msg.OutcomeAnswered, msg.LabelYes
	other := o.join("lab-08", asks)
	o.tag(lab, "lab")
	o.tag(other, "lab", "new")

	_, _, err := boss.say("*", hello("no"))
	if !errors.Is(err, msg.ErrRefused) {
		t.Errorf("without a grant: %v", err)
	}
	o.allow(boss, "send, broadcast, query")

	receipts, p, err := boss.say("*", hello("for all"))
	wantErr(t, "all", err, "")
	expect(t, "all", outcomes(receipts), "desk-1/1 accepted, lab-07/1 accepted, lab-07/2 accepted, lab-08/1 accepted")
	expect(t, "all", p, msg.Reach{Hosts: 3, Reached: 3, Sessions: 4})
	if got := lab.screen("1"); !strings.Contains(got, "root@desk-1") || !strings.Contains(got, "for all") {
		t.Errorf("shown: %q", got)
	}
	receipts, _, err = boss.say("tag:new", hello("for one"))
	wantErr(t, "tag", err, "")
	expect(t, "tag", outcomes(receipts), "lab-08/1 accepted")
	question := hello("Done?")
	question.Wait, question.Buttons = true, msg.ButtonsYesNo
	receipts, p, err = boss.say("lab-08", question)
	wantErr(t, "question", err, "")
	expect(t, "question", outcomes(receipts), "lab-08/1 answered")
	expect(t, "answer", receipts[len(receipts)-1].Answer, msg.LabelYes)
	expect(t, "answered", p.Answered, 1)

	receipts, p, err = boss.sayAs(root, "lab-*", "bob", hello("for bob"))
	wantErr(t, "bob", err, "")
	expect(t, "bob", outcomes(receipts), "lab-07/1 accepted")
	expect(t, "bob", p.Nobody, 1)
	_, _, err = boss.sayAs(root, "lab-*", "bob,zoe", hello("for bob"))
	wantErr(t, "zoe", err, "zoe does not exist")
	receipts, _, err = boss.say("lab-07,nowhere", hello("x"))
	wantErr(t, "a name of nobody", err, "")
	expect(t, "a name of nobody", outcomes(receipts), "lab-07/1 accepted, lab-07/2 accepted, nowhere/ failed")
	_, _, err = boss.say("tag:none", hello("x"))
	wantErr(t, "a tag of nobody", err, `no member of the fleet fits "tag:none"`)

	list, err := boss.Sessions(t.Context(), root, []string{"tag:lab"})
	wantErr(t, "sessions", err, "")
	expect(t, "sessions", len(list), 3)
	expect(t, "host of a session", list[0].Host, "lab-07")

	records := boss.Records(root, "")
	expect(t, "records", len(records), 6)
	expect(t, "a record", strings.Join(records[1].To, ";"), "bob on lab-*;zoe on lab-*")
	expect(t, "records of others", len(boss.Records(msg.Principal{User: "bob", Account: "7"}, "")), 0)
}

// TestAbsent holds that a member that is off is told of at once, and gets what
// is kept when it is back, once.
func TestAbsent(t *testing.T) {
	slow(t)
	onBoth(t, testAbsent)
}

func testAbsent(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	lab.end()
	receipts, p, err := boss.say("lab-07", hello("lost"))
	wantErr(t, "off", err, "")
	expect(t, "off", outcomes(receipts), "lab-07/ failed")
	expect(t, "off", p.Absent, 1)
	kept := hello("kept for you")
	kept.Queue = time.Hour
	receipts, _, err = boss.say("*", kept)
	wantErr(t, "kept", err, "")
	expect(t, "kept", outcomes(receipts), "lab-07/ queued")
	id := receipts[0].Message
	boss.waitFor("the hub has it", func() bool {
		s := boss.outbox.get(id)
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.Stored
	})
	o.stop() // the hub is started anew, which loses nothing
	o.start()
	lab.run(nil)
	boss.waitFor("it was shown", func() bool {
		r := boss.Records(root, id)
		return len(r[0].Receipts) == 1 && r[0].Receipts[0].Outcome == msg.OutcomeAccepted
	})
	lab.end()
	lab.run(nil)
	expect(t, "shown", strings.Count(lab.screen("1"), "kept for you"), 1)
	expect(t, "lost", strings.Count(lab.screen("1"), "lost"), 0)
	expect(t, "refusals", lab.refusals(), "")
}

// TestRestart holds that a sender which ends in the middle finds out what came
// of its message when it is back.
func TestRestart(t *testing.T) {
	slow(t)
	onBoth(t, testRestart)
}

func testRestart(t *testing.T, o *office) {
	boss := o.join("desk-1")
	slow := person("lab-07", "1", "bob")
	lab := o.join("lab-07", slow)
	lab.hold = make(chan struct{})
	o.allow(boss, "send, broadcast")
	m := hello("and then?")
	m.Wait, m.ID, m.Sent = true, msg.NewID(time.Now()), time.Now()
	ended := make(chan error, 1)
	go func() {
		ended <- boss.Send(context.Background(), root, []string{"lab-07"}, first(msg.ParseTarget("*")), m, func(msg.Receipt) {}, func(msg.Reach) {})
	}()
	lab.waitFor("it has it", func() bool { return lab.inbox.get(m.ID) != nil })
	boss.end()
	if err := <-ended; !errors.Is(err, msg.ErrStopping) {
		t.Errorf("the end of msgd: %v", err)
	}
	close(lab.hold)
	lab.waitFor("it is asked", func() bool { return lab.fake.Waiting() == 1 })
	_, err := lab.fake.Answer(t.Context(), msg.Principal{Account: "1000"}, msg.Answer{Message: m.ID, Button: "OK"})
	wantErr(t, "answering", err, "")
	lab.waitFor("the hub has the answer", func() bool {
		h := lab.inbox.get(m.ID)
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.settled()
	})
	boss.run(nil)
	boss.waitFor("it knows the answer", func() bool {
		r := boss.Records(root, m.ID)
		return len(r) == 1 && len(r[0].Receipts) == 1 && r[0].Receipts[0].Outcome == msg.OutcomeAnswered
	})
	expect(t, "shown", strings.Count(lab.screen("1"), "and then?"), 1)
}

// TestCrash holds that a message which was taken in and not shown is shown when
// msgd is back, and that one which was shown is not.
func TestCrash(t *testing.T) {
	slow(t)
	onBoth(t, testCrash)
}

func testCrash(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	lab.end()
	e := testEnvelope(o.orgPub, "desk-1")
	now := time.Now()
	e.Hosts, e.Issued, e.Expires = Hosts{"lab-07"}, now, now.Add(time.Hour)
	wire := must1(e.Seal(boss.key, boss.grant))
	for _, id := range []string{msg.NewID(now), msg.NewID(now)} {
		e.ID, e.Message.ID = id, id
		h := &held{ID: id, Wire: must1(e.Seal(boss.key, boss.grant)), Expires: e.Expires, Report: lab.newReport(e)}
		if id[len(id)-1]%2 == 0 || wire == nil { // whichever: one is done
			h.Report.Done = true
		}
		if err := lab.inbox.write(h); err != nil {
			t.Fatal(err)
		}
	}
	want := 0
	for _, h := range first(openInbox(lab.inbox.dir, now)).all() {
		if !h.Report.Done {
			want++
		}
	}
	lab.run(nil)
	lab.waitFor("all is settled", func() bool {
		for _, h := range lab.inbox.all() {
			h.mu.Lock()
			done := h.settled()
			h.mu.Unlock()
			if !done {
				return false
			}
		}
		return true
	})
	expect(t, "shown", strings.Count(lab.screen("1"), "Reboot"), want)
}

// TestSpeaksFor holds for whom a member may send.
func TestSpeaksFor(t *testing.T) { onBoth(t, testSpeaksFor) }

func testSpeaksFor(t *testing.T, o *office) {
	boss := o.join("desk-1")
	o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send to lab-*, broadcast, up to 1 hosts, 3 a minute", "alice", "@ops")
	for user, part := range map[string]string{"alice": "", "olga": "", "mallory": "is not for mallory; an administrator of the fleet allows it, on its hub, with: msgd operator add mallory@desk-1 --may \"send, broadcast, query\"; that takes the place of the grant"} {
		_, _, err := boss.sayAs(msg.Principal{User: user, Account: "1001"}, "lab-07", "*", hello("x"))
		wantErr(t, user, err, part)
		if part != "" && (!errors.Is(err, msg.ErrRefused) || !strings.Contains(boss.refusals(), part)) {
			t.Errorf("%s: %v, and the journal has %q", user, err, boss.refusals())
		}
	}
	_, _, err := boss.say("*", hello("x"))
	wantErr(t, "a host outside of the grant", err, "not for host desk-1")
	o.join("lab-08")
	_, _, err = boss.say("lab-*", hello("x"))
	wantErr(t, "over the host limit", err, "it is for 2 hosts, and the grant of desk-1 is for 1")
	expect(t, "left", len(boss.Records(root, "")), 2)
	_, _, err = boss.say("lab-07", hello("x"))
	wantErr(t, "the third", err, "")
	_, _, err = boss.say("lab-07", hello("x"))
	wantErr(t, "over the rate", err, "3 messages a minute")
}

// TestHubRestarts holds that a hub which goes and comes back in the middle of 20
// messages loses none that was accepted, and that none is shown twice.
func TestHubRestarts(t *testing.T) {
	slow(t)
	onBoth(t, testHubRestarts)
}

func testHubRestarts(t *testing.T, o *office) {
	boss := o.join("desk-1")
	var labs []*desk
	for i := range 4 {
		labs = append(labs, o.join(fmt.Sprintf("lab-%d", i), person("lab", "1", "bob")))
	}
	o.allow(boss, "send to lab-*, broadcast, 1000 a minute")
	const messages = 20
	failed := make([]error, messages)
	var sending sync.WaitGroup
	for i := range messages {
		sending.Go(func() {
			_, p, err := boss.say("lab-*", hello(fmt.Sprintf("number %02d.", i)))
			if failed[i] = err; err == nil && p.Reached != len(labs) {
				t.Errorf("message %d: %+v", i, p)
			}
		})
		if i == messages/2 {
			o.stop()
			o.start()
		}
	}
	sending.Wait()
	accepted := 0
	for i, err := range failed {
		want := 1
		if err != nil { // the hub was away when it was asked who is there
			wantErr(t, "the error", err, "hub")
			want = 0
		} else {
			accepted++
		}
		for _, lab := range labs {
			if n := strings.Count(lab.screen("1"), fmt.Sprintf("number %02d.", i)); n != want {
				t.Errorf("message %d (%v) is shown %d times on %s", i, err, n, lab.Name())
			}
		}
	}
	if accepted < messages/4 {
		t.Errorf("only %d messages were accepted", accepted)
	}
}

// TestSilent holds that a member which is connected and says nothing is not
// waited for, and that its answer counts all the same when it comes.
func TestSilent(t *testing.T) { onBoth(t, testSilent) }

func testSilent(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	lab.hold = make(chan struct{})
	o.allow(boss, "send, broadcast")
	m := hello("hm")
	m.Queue = time.Hour
	now := time.Now()
	e := Envelope{ID: msg.NewID(now), Op: opSend, To: []string{"*"}, Message: m, Issued: now, Expires: now.Add(time.Hour)}
	e.Message.ID, e.Message.Sent = e.ID, now
	s, err := boss.prepare(t.Context(), root, []string{"lab-07"}, &e)
	wantErr(t, "preparing", err, "")
	if boss.settle(s, e, now) || s.heard() {
		t.Error("nothing is waited for")
	}
	if boss.settle(s, e, now.Add(-2*noReply)) || !s.heard() {
		t.Error("it is waited for, or over")
	}
	expect(t, "outcome", outcomes(boss.Records(root, e.ID)[0].Receipts), "lab-07/ queued")
	boss.publishAll(s, e)
	close(lab.hold)
	boss.waitFor("it has answered", func() bool {
		return outcomes(boss.Records(root, e.ID)[0].Receipts) == "lab-07/1 accepted"
	})
	e.Message.Queue, e.ID = 0, msg.NewID(now)
	e.Message.ID = e.ID
	s, err = boss.prepare(t.Context(), root, []string{"lab-07"}, &e)
	wantErr(t, "preparing", err, "")
	if !boss.settle(s, e, now.Add(-2*noReply)) || !s.heard() {
		t.Error("a member that says nothing is waited for")
	}
	expect(t, "outcome", outcomes(boss.Records(root, e.ID)[0].Receipts), "lab-07/ failed")
}
