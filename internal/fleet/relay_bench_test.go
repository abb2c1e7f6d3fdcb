package fleet

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"msg"
)

// crowd is a site with so many members in its book. They have keys and no
// connections: their reports are put onto the leaf hub as they would come in.
type crowd struct {
	*branch
	boss *desk
	keys map[string]Key
}

func newCrowd(t testing.TB, count int) *crowd {
	t.Helper()
	o := newOffice(t)
	c := &crowd{boss: o.join("desk-1"), keys: map[string]Key{}}
	o.allow(c.boss, "send, broadcast, up to 50000 hosts, 1000 a minute")
	c.branch = o.site("berlin", 1000)
	b := c.hub.book
	b.mu.Lock()
	for i := range count {
		key, public := newUser(t)
		b.last++
		r := &record{Name: fmt.Sprintf("berlin-%05d", i), Key: public, Number: b.last, Joined: time.Now()}
		b.members[r.Name], b.byKey[public], c.keys[r.Name] = r, r, key
	}
	b.mu.Unlock()
	return c
}

// round sends one message to all of them, has all answer, and returns how long
// it took from the first report on until the sender knew all, and what crossed
// the link upwards meanwhile.
func (c *crowd) round() (time.Duration, uint64) {
	m := hello("for all")
	m.ID, m.Sent, m.Queue, m.Wait = msg.NewID(time.Now()), time.Now(), time.Hour, true
	reports := make(map[string][]byte, len(c.keys))
	for name, key := range c.keys {
		r := Report{Org: c.orgPub, ID: m.ID, Sender: "desk-1", Host: name, Serial: 2, At: time.Now(), Done: true,
			Receipts: []msg.Receipt{{Message: m.ID, Session: person(name, "1", "bob").Session, Outcome: msg.OutcomeAccepted, Final: true, At: time.Now()}}}
		reports[subjectAckAt("desk-1", m.ID, "berlin", name)] = must1(r.Seal(key))
	}
	came := make(chan struct{}, 10)
	sub := first(c.hub.conn.Subscribe(prefix+kindSend+".desk-1.all", func(*nats.Msg) { came <- struct{}{} }))
	defer func() { _ = sub.Unsubscribe() }()
	ended := make(chan error, 1)
	var reach msg.Reach
	go func() {
		ended <- c.boss.Send(context.Background(), root, []string{"*"}, first(msg.ParseTarget("*")), m, func(msg.Receipt) {}, func(p msg.Reach) { reach = p })
	}()
	select {
	case <-came:
	case err := <-ended:
		c.t.Fatal("it has not come to the leaf hub: ", err)
	}
	c.settled()
	begin, before := time.Now(), c.hub.leaf.up.Stats().OutMsgs
	for subject, data := range reports {
		if err := c.hub.conn.PublishRequest(subject, "taken", data); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := <-ended; err != nil {
		c.t.Fatal(err)
	}
	took, up := time.Since(begin), c.hub.leaf.up.Stats().OutMsgs-before
	if want := len(c.keys); reach.Reached != want+1 || reach.Sessions != want {
		c.t.Fatalf("%+v of %d", reach, want)
	}
	return took, up
}

// TestRelay holds that a thousand answers go up in a few messages.
func TestRelay(t *testing.T) {
	slow(t)
	took, up := newCrowd(t, 1000).round()
	t.Logf("1000 answers: %d messages up, all known after %v", up, took)
	if up > 30 {
		t.Errorf("%d messages went up", up)
	}
}

// BenchmarkRelay is 18,000 answers at one site, pre-signed, through a real leaf
// hub, its relay, a link with TLS and a real main hub to a real sender. The leaf
// checks every signature. Members' connections are not in it.
func BenchmarkRelay(b *testing.B) {
	c := newCrowd(b, 18_000)
	for b.Loop() {
		took, up := c.round()
		if up > 30 {
			b.Errorf("%d messages went up", up)
		}
		b.ReportMetric(float64(up), "messages-up")
		b.ReportMetric(float64(took.Milliseconds()), "ms/all-known")
	}
}
