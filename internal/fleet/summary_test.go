package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"msg"
)

func testSummary(org string) Summary {
	s := Summary{Org: org, ID: msg.NewID(noon), Sender: "desk-1", Site: "berlin", Serial: 7, At: noon, Sessions: map[msg.Outcome]int{msg.OutcomeAccepted: 2}}
	for _, i := range []int{1, 2, 9} {
		s.Reached.set(i, true)
		s.Done.set(i, i != 9)
	}
	return s
}

// TestOpenSummary holds what is believed of a summary.
func TestOpenSummary(t *testing.T) {
	_, org := newOrg(t)
	key, public := newUser(t)
	other, _ := newUser(t)
	for _, c := range []struct {
		what    string
		change  func(*Summary)
		by      Key
		subject string
		edit    func([]byte) []byte
		want    string
	}{
		{what: "as it should be"},
		{what: "signed by another", by: other, want: "the signature is not that of the key"},
		{what: "altered", edit: func(b []byte) []byte { return alter(b, "accepted\x02", "accepted\x09") }, want: "the signature is not that of the key"},
		{what: "another site's subject", subject: "paris", want: "came on the subject of paris"},
		{what: "another site's words", change: func(s *Summary) { s.Site = "paris" }, want: "a summary of site paris"},
		{what: "another organisation", change: func(s *Summary) { s.Org = "x" }, want: "came on the subject"},
		{what: "another message", change: func(s *Summary) { s.ID = msg.NewID(noon) }, want: "came on the subject"},
		{what: "done and not reached", change: func(s *Summary) { s.Done.set(4, true) }, want: "that have said nothing"},
		{what: "answered and not reached", change: func(s *Summary) { s.Answered.set(40, true) }, want: "that have said nothing"},
		{what: "failed and not done", change: func(s *Summary) { s.Failed.set(9, true) }, want: "that are not done"},
		{what: "nobody and not done", change: func(s *Summary) { s.Nobody.set(9, true) }, want: "that are not done"},
		{what: "a negative number", change: func(s *Summary) { s.Sessions[msg.OutcomeAnswered] = -1 }, want: "-1 sessions"},
		{what: "too many members", change: func(s *Summary) { s.Reached.set(maxNumber, true) }, want: "the limit is"},
		{what: "too many exceptions", change: func(s *Summary) { s.Exceptions = make([]item, maxExceptions+1) }, want: "exceptions"},
		{what: "a report from elsewhere", change: func(s *Summary) {
			s.Exceptions = []item{{subjectAckAt("desk-1", s.ID, "paris", "lab-1"), nil}}
		}, want: "a report that came on"},
		{what: "a summary inside", change: func(s *Summary) {
			s.Exceptions = []item{{subjectAckAt("desk-1", s.ID, "berlin", relayHost), nil}}
		}, want: "a report that came on"},
	} {
		s := testSummary(org)
		subject := subjectAckAt("desk-1", s.ID, "berlin", relayHost)
		if c.subject != "" {
			subject = subjectAckAt("desk-1", s.ID, c.subject, relayHost)
		}
		if c.change != nil {
			c.change(&s)
		}
		if c.by == nil {
			c.by = key
		}
		wire := must1(s.Seal(c.by))
		if c.edit != nil {
			wire = c.edit(wire)
		}
		_, err := openSummary(wire, subject, org, public)
		wantErr(t, c.what, err, c.want)
	}
	s := testSummary(org)
	_, err := openSummary(must1(s.Seal(key)), subjectAckAt("desk-1", s.ID, "berlin", "lab-1"), org, public)
	wantErr(t, "on the subject of a member", err, "a summary on the subject")
	report := Report{Org: org, ID: s.ID, Sender: "desk-1", Host: relayHost, Serial: 1}
	_, err = openSummary(must1(report.Seal(key)), subjectAckAt("desk-1", s.ID, "berlin", relayHost), org, public)
	wantErr(t, "a report in its place", err, "the signature is not that of the key")
}

func FuzzSummary(f *testing.F) {
	_, org := newOrg(f)
	s := testSummary(org)
	key, public := newUser(f)
	subject := subjectAckAt("desk-1", s.ID, "berlin", relayHost)
	f.Add(must1(encode(s)))
	f.Add(must1(encode(Summary{Reached: bitmap{6}, Done: bitmap{6}, Failed: bitmap{2}, Sessions: map[msg.Outcome]int{"x": -1}})))
	f.Add(must1(encode(Summary{Exceptions: []item{{Subject: "msg.v1.ack.a.b.c.d"}}, More: -1})))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := openSummary(body, subject, org, public); err == nil {
			t.Fatalf("%q is taken for a summary that is signed", body)
		}
		// The same, signed by the leaf hub itself, which may be stolen.
		sig := must1(key.Sign(signedBytes(domainSummary, body)))
		got, err := openSummary(sealed{Body: body, Sig: sig}.wire(), subject, org, public)
		if err != nil {
			return
		}
		o := sent{ID: s.ID, Targets: []target{{Name: "a", Site: "berlin", Number: 1, State: stateWaiting}, {Name: "b", State: stateWaiting}, {Name: "c", Site: "berlin", Number: -1, State: stateWaiting}},
			Sites: map[string]*sumUp{"berlin": {Key: public}}, changed: make(chan struct{}, 1)}
		o.merge(got)
		if p := o.progress(); p.Reached > 1 || o.Targets[1].State != stateWaiting || o.Targets[2].State != stateWaiting || p.Answered > p.Sessions || p.Sessions < 0 {
			t.Fatalf("%+v is taken for %+v", got, p)
		}
		if o.record(); len(got.Exceptions) > maxExceptions {
			t.Fatalf("%d exceptions", len(got.Exceptions))
		}
	})
}

// TestTally holds that a tally says the same whatever the order of reports, and
// how often each comes.
func TestTally(t *testing.T) {
	e := Envelope{ID: msg.NewID(noon), Sender: "desk-1", To: []string{"bob", "zoe"}, Expires: noon.Add(time.Hour)}
	report := func(host string, serial int, done bool, outcomes ...msg.Outcome) Report {
		r := Report{ID: e.ID, Sender: e.Sender, Host: host, Serial: serial, Done: done, Missing: []string{"zoe"}}
		for i, o := range outcomes {
			r.Receipts = append(r.Receipts, msg.Receipt{Session: msg.Session{ID: fmt.Sprint(i)}, Outcome: o})
		}
		return r
	}
	reports := []struct {
		r      Report
		number int
	}{
		{report("a", 1, false, msg.OutcomeAccepted), 1}, {report("a", 2, true, msg.OutcomeAnswered, msg.OutcomeAccepted), 1},
		{report("b", 1, true), 2}, {report("c", 5, true, msg.OutcomeFailed), 3},
		{Report{ID: e.ID, Sender: e.Sender, Host: "d", Serial: 1, Done: true, Error: "no"}, 12},
	}
	want := ""
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {1, 0, 1, 4, 4, 3, 2, 0}} {
		y := newTally(e, "O", "berlin")
		for _, i := range order {
			y.take(reports[i].r, reports[i].number, item{reports[i].r.Host, []byte("x")}, 9, noon)
		}
		got := string(must1(json.Marshal(y.summary(noon))))
		if want == "" {
			want = got
		}
		expect(t, fmt.Sprint(order), got, want)
	}
	y := newTally(e, "O", "berlin")
	for i, x := range reports {
		y.take(x.r, x.number, item{x.r.Host, []byte("x")}, uint64(i), noon)
	}
	s := y.summary(noon)
	expect(t, "counts", fmt.Sprint(s.Sessions, s.Missing, s.Reached.count(), s.Done.count(), s.Failed.count(), s.Nobody.count(), s.Answered.count()), "map[accepted:1 answered:1 failed:1] [zoe] 4 4 1 1 1")
	expect(t, "exceptions", s.Exceptions[0].Subject+s.Exceptions[1].Subject+s.Exceptions[2].Subject, "cda")
	for i := range 3 * maxExceptions {
		x := report(fmt.Sprintf("e-%03d", i), 1, true, msg.OutcomeAnswered)
		y.take(x, 100+i, item{x.Host, []byte(strings.Repeat("x", 1+i%2*maxException))}, 20, noon)
	}
	s = y.summary(noon)
	if len(s.Exceptions)+s.More != 3*maxExceptions+3 || len(s.Exceptions) > maxExceptions {
		t.Errorf("%d exceptions and %d more", len(s.Exceptions), s.More)
	}
	for _, i := range s.Exceptions {
		if len(i.Data) > maxException {
			t.Errorf("%s has %d bytes", i.Subject, len(i.Data))
		}
	}
	if y.settled() {
		t.Error("it has not been sent, and is settled")
	}
}

// TestForgedSummary holds that nobody sums up for a site but its leaf hub, and
// that an older summary does not come back.
func TestForgedSummary(t *testing.T) {
	o := newOffice(t)
	boss := o.join("desk-1")
	lab := o.join("lab-07")
	o.allow(boss, "send, broadcast")
	b := o.site("berlin", 1)
	other := o.site("paris", 1)
	desks := b.seat(2)
	other.seat(1)
	for _, d := range desks {
		d.hold = make(chan struct{})
	}
	id, ended := boss.begin("*", hello("waits"))
	for _, d := range desks {
		d.waitFor("it has it", func() bool { return d.inbox.get(id) != nil })
	}
	forged := Summary{Org: o.orgPub, ID: id, Sender: "desk-1", Site: "berlin", Serial: 1 << 40}
	for i := range 10 {
		forged.Reached.set(i, true)
		forged.Done.set(i, true)
	}
	refused := func(what, part, at string, s Summary, by Key) {
		t.Helper()
		before := strings.Count(boss.refusals(), part)
		if err := o.hub.conn.Publish(subjectAckAt("desk-1", id, at, relayHost), must1(s.Seal(by))); err != nil { // the hub may publish everything
			t.Fatal(err)
		}
		boss.waitFor(what+" is written down", func() bool { return strings.Count(boss.refusals(), part) == before+1 })
	}
	refused("a summary of a member", "in the name of site berlin is not proved", "berlin", forged, lab.key)
	refused("a summary of another site", "in the name of site berlin is not proved", "berlin", forged, other.hub.leaf.key)
	refused("that on its own subject", "a summary of site berlin about", "paris", forged, other.hub.leaf.key)
	refused("a site that is not meant", "is not a key", "rome", forged, b.hub.leaf.key)
	s := boss.outbox.get(id)
	state := func() string {
		s.mu.Lock()
		defer s.mu.Unlock()
		return fmt.Sprintln(s.said(s.Targets[0]) != nil, s.Targets[0].Name, s.Targets[0].State)
	}
	expect(t, "nothing is believed", state(), "false berlin-00 waiting\n")
	for _, d := range desks {
		close(d.hold)
	}
	wantErr(t, "sending", <-ended, "")
	expect(t, "the truth", state(), "true berlin-00 reached\n")
	s.mu.Lock()
	now := *s.Sites["berlin"].Said
	s.mu.Unlock()
	replayed := now
	replayed.Serial, replayed.Reached, replayed.Done = now.Serial-1, nil, nil
	boss.reported([]item{{subjectAckAt("desk-1", id, "berlin", relayHost), must1(replayed.Seal(b.hub.leaf.key))}})
	expect(t, "after an older one", state(), "true berlin-00 reached\n")
	s.mu.Lock()
	expect(t, "serial", s.Sites["berlin"].Said.Serial, now.Serial)
	s.mu.Unlock()

	// A hub that gives another member's number, or another key for the site.
	n := boss.Node
	m := first(n.Members(t.Context(), root, []string{"berlin-00"}))[0]
	n.mu.Lock()
	wantErr(t, "its number", n.pinNumber(m), "")
	m.Name = "berlin-01"
	wantErr(t, "another's number", n.pinNumber(m), "somebody may be in its place")
	n.mu.Unlock()
	expect(t, "another key", n.pinSite(SiteInfo{"berlin", other.hub.config.Admin}).Key, s.Sites["berlin"].Key)
}
