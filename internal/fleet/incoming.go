package fleet

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// incoming are the reports that have come and that nobody has looked at yet. To
// read one is above all to check its signature, and many are checked in less time
// than each alone: whoever reads takes what has come meanwhile.
type incoming struct {
	mu      sync.Mutex
	queue   []item
	readers int
}

// Bounds of what is read at once. The first report is read when it comes; while
// more are coming, they may wait for each other a little.
const (
	atOnce    = 16 // with more, each takes longer again
	readPause = 3 * time.Millisecond
)

// next returns reports to read; a reader that gets none has ended.
func (q *incoming) next() []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := min(len(q.queue), atOnce)
	if k == 0 {
		q.readers--
		q.queue = nil
		return nil
	}
	list := q.queue[:k:k]
	q.queue = q.queue[k:]
	return list
}

// linger waits for more, unless there is enough to do or somebody else waits.
func (q *incoming) linger() {
	q.mu.Lock()
	wait := len(q.queue) < atOnce && q.readers == 1
	q.mu.Unlock()
	if wait {
		<-time.After(readPause)
	}
}

// any reports whether there are reports that have not been read to the end.
func (q *incoming) any() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.readers > 0
}

// readReport has a report read. Those that come together may change places; their
// serials count.
func (n *Node) readReport(m *nats.Msg) {
	q := &n.incoming
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = append(q.queue, item{m.Subject, m.Data})
	busy := q.readers > 0 && len(q.queue) <= atOnce || q.readers >= runtime.GOMAXPROCS(0)
	if !busy && n.start(n.readReports) {
		q.readers++
	}
}

func (n *Node) readReports() {
	for list := n.incoming.next(); list != nil; list = n.incoming.next() {
		n.reported(list)
		n.incoming.linger()
	}
}

// reported is given the reports on what this member has sent.
func (n *Node) reported(items []item) {
	n.busy.Store(true)
	for some := range slices.Chunk(items, atOnce) {
		var list []signedReport
		var about []*sent
		for _, i := range some {
			if s, r, ok := n.signed(i); ok {
				list, about = append(list, r), append(about, s)
			}
		}
		for i, o := range openReports(n.config.Org, list) {
			n.believe(about[i], list[i], o)
		}
	}
}

// signed finds whose report something claims to be, and on what; summaries are
// read at once.
func (n *Node) signed(i item) (*sent, signedReport, bool) {
	_, id, host, ok := parseAck(i.Subject)
	s := n.outbox.get(id)
	if s == nil {
		s = n.question(id)
	}
	if !ok || s == nil {
		return nil, signedReport{}, false
	}
	if host == relayHost {
		n.summed(s, i.Subject, i.Data)
		return nil, signedReport{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.at(host)
	if at < 0 { // it has joined since, and was given what is kept for whoever has its name or tag
		n.log.Debug("a report of a member that was not there yet", "id", id, "host", host)
		return nil, signedReport{}, false
	}
	return s, signedReport{i, s.Targets[at].Key}, true
}

// believe takes a report over, or writes down why not.
func (n *Node) believe(s *sent, r signedReport, o opened) {
	_, id, host, _ := parseAck(r.Subject)
	err := o.err
	if err == nil && n.verifier.isRevoked(r.key) {
		err = fmt.Errorf("%w: the key of %s is revoked", errProof, host)
	}
	if err != nil {
		n.log.Warn("a report is refused", "id", id, "host", host, "reason", err)
		n.local.Refuse(host, id, err.Error())
		return
	}
	s.take(o.Report)
}
