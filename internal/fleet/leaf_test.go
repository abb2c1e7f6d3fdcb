package fleet

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"msg"
)

// link is the wire between a leaf hub and the main hub, which can be cut.
type link struct {
	t      testing.TB
	listen net.Listener
	to     string

	mu    sync.Mutex
	whole bool
	conns []net.Conn
	tasks sync.WaitGroup
}

func newLink(t testing.TB, to string) *link {
	t.Helper()
	l := &link{t: t, listen: first(net.Listen("tcp", "127.0.0.1:0")), to: to, whole: true}
	l.tasks.Go(func() {
		for {
			c, err := l.listen.Accept()
			if err != nil {
				return
			}
			l.join(c)
		}
	})
	t.Cleanup(func() {
		l.listen.Close()
		l.cut()
		l.tasks.Wait()
	})
	return l
}

func (l *link) join(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	up, err := net.Dial("tcp", l.to)
	if err != nil || !l.whole {
		c.Close()
		if err == nil {
			up.Close()
		}
		return
	}
	l.conns = append(l.conns, c, up)
	for _, pair := range [][2]net.Conn{{c, up}, {up, c}} {
		l.tasks.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			pair[0].Close()
			pair[1].Close()
		})
	}
}

func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.whole = false
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

func (l *link) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.whole = true
}

// branch is a site with its leaf hub: an office as far as its members go.
type branch struct {
	*office
	main *office
	link *link
	name string
}

// site makes a leaf hub that sums up from so many targets on.
func (o *office) site(name string, summary int) *branch {
	o.t.Helper()
	b := &branch{main: o, name: name, link: newLink(o.t, o.hub.Address()),
		office: &office{t: o.t, dir: filepath.Join(o.t.TempDir(), "leaf"), org: o.org, orgPub: o.orgPub}}
	token := first(o.admin.InviteSite(context.Background(), name, time.Now().Add(time.Hour)))
	token.Hubs = []string{b.link.listen.Addr().String()}
	address := freePort(o.t)
	if err := InitLeaf(context.Background(), b.dir, address, []string{address}, name, token, summary, time.Now()); err != nil {
		o.t.Fatal(err)
	}
	b.token = first(Invite(b.dir, 1000, time.Now().Add(time.Hour)))
	b.begin()
	o.t.Cleanup(func() { b.stop() })
	return b
}

// begin starts the leaf hub, and waits until it is linked.
func (b *branch) begin() {
	b.t.Helper()
	b.start()
	b.hub.leaf.mu.Lock()
	b.hub.leaf.pause = func(int) time.Duration { return 20 * time.Millisecond }
	b.hub.leaf.mu.Unlock()
	b.linked()
}

func (b *branch) linked() {
	b.t.Helper()
	until(b.t, "the link is there", func() bool { return b.hub.leaf.up.IsConnected() && len(b.main.online(b.name)) > 0 })
}

// speaks waits until the site may send for a member.
func (b *branch) speaks(name string) {
	b.t.Helper()
	until(b.t, "the main hub knows its grant", func() bool {
		l := b.hub.leaf
		l.mu.Lock()
		defer l.mu.Unlock()
		return slices.Equal(l.senders, []string{name}) && l.subs[prefix+"ack."+token(name)+".>"] != nil
	})
	b.linked()
}

// online are the sites that the main hub has a connection of.
func (o *office) online(site string) (names []string) {
	_, leaves, _ := o.hub.own()
	for _, l := range leaves {
		if l.Online && siteOf(l.Name) == site {
			names = append(names, site)
		}
	}
	return names
}

func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	(&desk{t: t, Node: &Node{}}).waitFor(what, is)
}

// seat makes so many members, with one person each.
func (b *branch) seat(count int) (desks []*desk) {
	for i := range count {
		name := fmt.Sprintf("%s-%02d", b.name, i)
		desks = append(desks, b.join(name, person(name, "1", "bob")))
	}
	return desks
}

// refusedRepeats holds that nothing was refused but what came again: a sender may
// have sent again before it had the answers. That is written down, and shows
// nothing.
func (d *desk) refusedRepeats() {
	d.t.Helper()
	for _, line := range strings.Split(d.refusals(), "\n") {
		if line != "" && line != "it has been here before, and a message is shown once" {
			d.t.Errorf("refused on %s: %s", d.Name(), line)
		}
	}
}

// takeRefusals returns what was refused, and forgets it.
func (d *desk) takeRefusals() string {
	list := d.refusals()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = nil
	return list
}

func shownOnce(t *testing.T, text string, desks ...*desk) {
	t.Helper()
	for _, d := range desks {
		if n := strings.Count(d.screen("1"), text); n != 1 {
			t.Errorf("%q is shown %d times on %s", text, n, d.Name())
		}
	}
}

// TestSite is what an organisation with a site does: everybody, a tag, names, a
// question, both ways, each message once over the link.
func TestSite(t *testing.T) {
	slow(t)
	o := newOffice(t)
	boss := o.join("desk-1", person("desk-1", "1", "alice"))
	o.allow(boss, "send, broadcast, query, 1000 a minute")
	b := o.site("berlin", 0)
	desks := b.seat(24)
	b.tag(desks[3], "lab")
	expect(t, "site of a member", desks[0].config.Site, "berlin")

	receipts, p, err := boss.say("*", hello("for all"))
	wantErr(t, "all", err, "")
	expect(t, "all", p, msg.Reach{Hosts: 25, Reached: 25, Sessions: 25})
	expect(t, "receipts", len(receipts), 25)
	shownOnce(t, "for all", append(desks, boss)...)
	receipts, _, err = boss.say("tag:lab", hello("tagged"))
	wantErr(t, "tag", err, "")
	expect(t, "tag", outcomes(receipts), "berlin-03/1 accepted")
	receipts, _, err = boss.say("desk-1,berlin-07", hello("two"))
	wantErr(t, "names", err, "")
	expect(t, "names", outcomes(receipts), "berlin-07/1 accepted, desk-1/1 accepted")

	list, err := boss.Members(t.Context(), root, nil)
	wantErr(t, "members", err, "")
	expect(t, "members", len(list), 25)
	expect(t, "the first", list[0].Name+" "+list[0].Site, "berlin-00 berlin")
	sessions, err := boss.Sessions(t.Context(), root, []string{"*"})
	wantErr(t, "sessions", err, "")
	expect(t, "sessions", len(sessions), 25)

	// A member of the site sends.
	err = desks[0].Send(t.Context(), root, []string{"*"}, first(msg.ParseTarget("*")), hello("x"), nil, nil)
	wantErr(t, "before", err, "this computer may not send to a fleet; an administrator of the fleet allows it, on its hub, with: msgd operator add berlin-00 --may")
	expect(t, "written down", desks[0].takeRefusals(), err)
	b.allow(desks[0], "send, broadcast, query, 1000 a minute")
	b.speaks("berlin-00")
	_, p, err = desks[0].say("*", hello("from berlin"))
	wantErr(t, "from the site", err, "")
	expect(t, "from the site", p, msg.Reach{Hosts: 25, Reached: 25, Sessions: 25})
	shownOnce(t, "from berlin", append(desks, boss)...)
	sessions, err = desks[0].Sessions(t.Context(), root, []string{"*"})
	wantErr(t, "sessions from the site", err, "")
	expect(t, "sessions from the site", len(sessions), 25)

	// One that is off is named, and gets what is kept.
	desks[5].end()
	kept := hello("kept for you")
	kept.Queue = time.Hour
	receipts, p, err = boss.say("berlin-0?", kept)
	wantErr(t, "one is off", err, "")
	expect(t, "one is off", p, msg.Reach{Hosts: 10, Reached: 9, Absent: 1, Sessions: 9})
	if !strings.Contains(outcomes(receipts), "berlin-05/ queued") {
		t.Errorf("one is off: %s", outcomes(receipts))
	}
	desks[5].run(nil)
	boss.waitFor("it was shown", func() bool {
		return strings.Contains(outcomes(boss.Records(root, receipts[0].Message)[0].Receipts), "berlin-05/1 accepted")
	})
	shownOnce(t, "kept for you", desks[:10]...)
	wantErr(t, "a name that is taken", Join(t.Context(), filepath.Join(t.TempDir(), "f"), "berlin-05", o.token), "the hub refuses the token")
	wantErr(t, "a name that is taken above", Join(t.Context(), filepath.Join(t.TempDir(), "f"), "desk-1", b.token), "the hub refuses the token")
	for _, d := range append(desks, boss) {
		d.refusedRepeats()
	}
}

// TestLinkOnce counts what crosses the link for a message that is summed up:
// the question who is there, the message, and a few summaries.
func TestLinkOnce(t *testing.T) {
	slow(t)
	o := newOffice(t)
	boss := o.join("desk-1", person("desk-1", "1", "alice"))
	o.allow(boss, "send, broadcast, query")
	b := o.site("berlin", 1)
	desks := b.seat(30)
	b.settled()
	before := b.hub.leaf.up.Stats()
	_, p, err := boss.say("*", hello("for all"))
	wantErr(t, "all", err, "")
	expect(t, "all", p, msg.Reach{Hosts: 31, Reached: 31, Sessions: 31})
	b.settled()
	after := b.hub.leaf.up.Stats()
	up, down := after.OutMsgs-before.OutMsgs, after.InMsgs-before.InMsgs
	if up > 10 || down != up+1 { // an answer to each but the message
		t.Errorf("%d messages went up, and %d came down", up, down)
	}
	shownOnce(t, "for all", desks...)
	s := boss.outbox.get(boss.Records(root, "")[0].Message.ID)
	expect(t, "reports one by one", len(s.Reports), 1)
	expect(t, "one host", outcomes(boss.Records(root, s.ID)[0].Receipts[7:8]), "berlin-07/ accepted")

	// What they have signed can be asked for.
	wantErr(t, "completing", boss.Complete(t.Context(), root, s.ID), "")
	expect(t, "reports", len(s.Reports), 31)
	expect(t, "one host", outcomes(boss.Records(root, s.ID)[0].Receipts[7:8]), "berlin-07/1 accepted")
	expect(t, "refusals", boss.refusals(), "")
}

// settled waits until the main hub has all that the site has to say.
func (b *branch) settled() {
	b.t.Helper()
	until(b.t, "the relay has nothing to do", func() bool {
		r := b.hub.leaf.relay
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.idle
	})
}

// TestSummary holds that the exceptions come in the members' own words, and
// that only those are sent to again that have said nothing.
func TestSummary(t *testing.T) {
	slow(t)
	o := newOffice(t)
	boss := o.join("desk-1")
	o.allow(boss, "send, broadcast, query")
	b := o.site("berlin", 1)
	desks := b.seat(3)
	asks := person("berlin-y", "1", "dora")
	asks.Does, asks.Answer = msg.OutcomeAnswered, msg.LabelYes
	yes := b.join("berlin-y", asks)
	stuck := person("berlin-z", "1", "zoe")
	stuck.Does = msg.OutcomeFailed
	b.join("berlin-z", stuck)
	empty := b.join("berlin-0")
	question := hello("Done?")
	question.Wait, question.Buttons, question.Timeout = true, msg.ButtonsYesNo, time.Hour
	for _, d := range desks {
		d.hold = make(chan struct{})
	}
	id, ended := boss.begin("*", question)
	boss.waitFor("those that answered are known", func() bool {
		s := boss.outbox.get(id)
		s.mu.Lock()
		defer s.mu.Unlock()
		p := s.progress()
		return p.Answered == 1 && p.Reached == 4 && p.Nobody == 2
	})
	boss.waitFor("the others were sent to again", func() bool { return b.count(desks[0], kindSend) > 0 })
	expect(t, "sent again to one that has answered", b.count(yes, kindSend)+b.count(empty, kindSend), 0)
	for _, d := range desks {
		close(d.hold)
	}
	for _, d := range desks {
		d.waitFor("it is asked", func() bool { return d.fake.Waiting() == 1 })
		_, err := d.fake.Answer(t.Context(), msg.Principal{Account: "1000"}, msg.Answer{Message: id, Button: "No"})
		wantErr(t, "answering", err, "")
	}
	wantErr(t, "sending", <-ended, "")
	got := outcomes(boss.Records(root, id)[0].Receipts)
	expect(t, "outcomes", got, "berlin-00/1 answered, berlin-01/1 answered, berlin-02/1 answered, berlin-y/1 answered, berlin-z/1 failed")
	expect(t, "refusals", boss.refusals(), "")
	_, _, err := boss.sayAs(root, "berlin-*", "nobody-is-called-so", hello("x"))
	wantErr(t, "a person of nobody", err, "nobody-is-called-so does not exist")
}

// begin sends as root and does not wait.
func (d *desk) begin(hosts string, m msg.Message) (id string, ended chan error) {
	m.ID, m.Sent = msg.NewID(time.Now()), time.Now()
	ended = make(chan error, 1)
	go func() {
		ended <- d.Send(context.Background(), root, strings.Split(hosts, ","), first(msg.ParseTarget("*")), m, func(msg.Receipt) {}, func(msg.Reach) {})
	}()
	d.waitFor("it is written down", func() bool { return d.outbox.get(m.ID) != nil })
	return m.ID, ended
}

// count is how many messages a member was sent by name.
func (b *branch) count(d *desk, kind string) int {
	d.Node.mu.Lock()
	defer d.Node.mu.Unlock()
	n, err := d.subs[prefix+kind+".*.host."+token(b.name)+"."+token(d.config.Name)].Delivered()
	if err != nil {
		b.t.Fatal(err)
	}
	return int(n)
}

// TestCut holds that a link which is cut in the middle loses nothing and has
// nothing shown twice, in both directions, and with a leaf hub that ends too.
func TestCut(t *testing.T) {
	slow(t)
	for _, summary := range []int{0, 1} {
		t.Run(fmt.Sprintf("summary %d", summary), func(t *testing.T) { testCut(t, summary) })
	}
}

func testCut(t *testing.T, summary int) {
	o := newOffice(t)
	boss := o.join("desk-1", person("desk-1", "1", "alice"))
	o.allow(boss, "send, broadcast")
	b := o.site("berlin", summary)
	desks := b.seat(6)
	b.allow(desks[0], "send, broadcast")
	b.speaks("berlin-00")
	_, p, err := desks[0].say("*", hello("before")) // so that the site knows the others
	wantErr(t, "before", err, "")
	expect(t, "before", p.Reached, 7)

	// They are asked, and answer while the link is cut.
	question := hello("Done?")
	question.Wait, question.Buttons, question.Timeout = true, msg.ButtonsYesNo, time.Hour
	id, ended := boss.begin("berlin-*", question)
	for _, d := range desks {
		d.waitFor("it is asked", func() bool { return d.fake.Waiting() == 1 })
	}
	b.link.cut()
	until(t, "both ends know", func() bool { return !b.hub.leaf.up.IsConnected() && len(o.online("berlin")) == 0 })
	for _, d := range desks {
		_, err := d.fake.Answer(t.Context(), msg.Principal{Account: "1000"}, msg.Answer{Message: id, Button: "Yes"})
		wantErr(t, "answering", err, "")
		d.waitFor("the site has the answer", func() bool {
			h := d.inbox.get(id)
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.settled()
		})
	}
	lost := hello("lost on the way")
	_, p, err = boss.say("*", lost)
	wantErr(t, "while it is cut", err, "")
	expect(t, "while it is cut", p, msg.Reach{Hosts: 7, Reached: 1, Absent: 6, Sessions: 1})
	kept := hello("kept above")
	kept.Queue = time.Hour
	receipts, _, err := boss.say("*", kept)
	wantErr(t, "kept above", err, "")
	above := receipts[0].Message
	boss.waitFor("the main hub has it", func() bool {
		s := boss.outbox.get(above)
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.Stored
	})
	up := hello("kept below")
	up.Queue = time.Hour
	receipts, p, err = desks[0].say("*", up)
	wantErr(t, "kept below", err, "")
	expect(t, "kept below", p, msg.Reach{Hosts: 7, Reached: 6, Absent: 1, Sessions: 6})
	below := receipts[0].Message
	b.stop() // and all of this survives it
	b.link.mend()
	b.begin()

	wantErr(t, "the question", <-ended, "")
	boss.waitFor("what was kept is known to be shown", func() bool {
		s := boss.outbox.get(above)
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.progress().Reached == 7
	})
	desks[0].waitFor("what was kept is known to be shown", func() bool {
		s := desks[0].outbox.get(below)
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.progress().Reached == 7
	})
	expect(t, "the question", outcomes(boss.Records(root, id)[0].Receipts), "berlin-00/1 answered, berlin-01/1 answered, berlin-02/1 answered, berlin-03/1 answered, berlin-04/1 answered, berlin-05/1 answered")
	for _, text := range []string{"Done?", "kept above", "kept below"} {
		shownOnce(t, text, desks...)
	}
	shownOnce(t, "kept above", boss)
	shownOnce(t, "kept below", boss)
	for _, d := range desks {
		expect(t, "told of as absent, and shown", strings.Count(d.screen("1"), "lost on the way"), 0)
		d.refusedRepeats()
	}
	boss.refusedRepeats()
}
