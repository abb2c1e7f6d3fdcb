package fleet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"msg"
)

// state is how the servers of a stream are; empty while nobody knows.
func (o *office) state(stream string) jetstream.ClusterInfo {
	s, err := o.hub.js.Stream(o.t.Context(), stream)
	if err != nil || s.CachedInfo().Cluster == nil {
		return jetstream.ClusterInfo{}
	}
	return *s.CachedInfo().Cluster
}

// leader is the server that has the say on a stream.
func (o *office) leader(stream string) *node3 {
	o.t.Helper()
	name := o.state(stream).Leader
	for _, n := range o.cluster.nodes {
		if n.name == name {
			return n
		}
	}
	o.t.Fatalf("the leader of stream %s is %q", stream, name)
	return nil
}

// whole reports whether all servers of a stream have all of it.
func (o *office) whole(stream string) bool {
	c := o.state(stream)
	return c.Leader != "" && len(c.Replicas) == clusterReplicas-1 && !slices.ContainsFunc(c.Replicas, func(r *jetstream.PeerInfo) bool {
		return !r.Current || r.Offline
	})
}

// TestNodeLost holds that a cluster which loses one of its three servers in the
// middle of 20 messages, the one that keeps them, loses none that was accepted,
// that none is shown twice, and that the server catches up when it is back.
func TestNodeLost(t *testing.T) {
	o := newSite(t)
	boss := o.join("desk-1")
	var labs []*desk
	for i := range 6 { // some of them on the server that goes
		labs = append(labs, o.join(fmt.Sprintf("lab-%d", i), person("lab", "1", "bob")))
	}
	o.allow(boss, "send to lab-*, broadcast, 1000 a minute")
	lost := o.leader(streamMSG)
	hold := make(chan struct{}) // so that answers fall into the time without it
	for _, lab := range labs[:3] {
		lab.hold = hold
	}
	const messages = 20
	failed := make([]error, messages)
	var sending sync.WaitGroup
	send := func(from, to int) {
		for i := from; i < to; i++ {
			sending.Go(func() {
				m := hello(fmt.Sprintf("number %02d.", i))
				m.Queue = time.Hour
				_, _, failed[i] = boss.say("lab-*", m)
			})
		}
	}
	send(0, messages/2)
	boss.waitFor("some are on their way", func() bool { return len(boss.outbox.all()) >= messages/4 })
	lost.kill()
	send(messages/2, messages)
	close(hold)
	sending.Wait()
	count := func(lab *desk, i int) int {
		return strings.Count(lab.screen("1"), fmt.Sprintf("number %02d.", i))
	}
	accepted := 0
	for i, err := range failed {
		if err != nil { // it was asked who is there when the hub was on its way to another server
			if wantErr(t, "the error", err, "hub"); errors.Is(err, msg.ErrRefused) {
				t.Error(err)
			}
			continue
		}
		accepted++
		for _, lab := range labs {
			lab.waitFor(fmt.Sprintf("message %d is shown", i), func() bool { return count(lab, i) > 0 })
		}
	}
	if accepted < messages/4 {
		t.Errorf("only %d messages were accepted", accepted)
	}
	boss.waitFor("the doctor finds it", func() bool {
		found := examined(ExamineHub(t.Context(), o.dir))
		return strings.Contains(found, "system account: 2 servers answer, and a stream needs 3") &&
			strings.Contains(found, "stream MSG: "+lost.name+" does not have all of it")
	})
	if err := lost.start(o.cluster.program); err != nil {
		t.Fatal(err)
	}
	boss.waitFor("the server has caught up", func() bool { return o.whole(streamMSG) && o.whole(streamAUDIT) })
	_, p, err := boss.say("lab-*", hello("all is well"))
	wantErr(t, "afterwards", err, "")
	expect(t, "afterwards", p.Reached, len(labs))
	for i, err := range failed {
		want := 1
		if err != nil {
			want = 0
		}
		for _, lab := range labs {
			expect(t, fmt.Sprintf("message %d (%v) on %s", i, err, lab.Name()), count(lab, i), want)
		}
	}
}
