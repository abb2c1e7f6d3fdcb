package fleet

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"msg"
)

// TestIncoming holds that the first report is read when it comes, all others soon,
// and that nobody goes on waiting for more.
func TestIncoming(t *testing.T) {
	_, org := newOrg(t)
	key, public := newUser(t)
	s := newSent()
	s.ID = msg.NewID(noon)
	var reports []*nats.Msg
	for i := range 100 {
		host := fmt.Sprintf("lab-%02d", i)
		s.Targets = append(s.Targets, target{Name: host, Key: public, State: stateWaiting})
		r := Report{Org: org, ID: s.ID, Sender: "desk-1", Host: host, Serial: 1, At: noon, Done: true}
		reports = append(reports, &nats.Msg{Subject: subjectAck("desk-1", s.ID, host), Data: must1(r.Seal(key))})
	}
	synctest.Test(t, func(t *testing.T) {
		n := &Node{config: nodeConfig{Org: org}, verifier: newVerifier(org), ctx: context.Background(), log: quiet(),
			outbox: &outbox{list: map[string]*sent{s.ID: s}}}
		read := func() int {
			synctest.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.Reports)
		}
		n.readReport(reports[0])
		expect(t, "read at once", read(), 1)
		for _, r := range reports[1:10] {
			n.readReport(r)
		}
		expect(t, "read while more may come", read(), 1)
		expect(t, "is there something to read", n.incoming.any(), true)
		time.Sleep(readPause)
		expect(t, "read after the pause", read(), 10)
		for _, r := range reports[10:] {
			n.readReport(r)
		}
		time.Sleep(2 * readPause)
		expect(t, "read in the end", read(), 100)
		expect(t, "is there something to read in the end", n.incoming.any(), false)
		n.tasks.Wait()
	})
}
