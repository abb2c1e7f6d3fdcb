package fleet

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// acks takes the reports of the members for the hub: it writes those that came
// together into stream AUDIT, with one sync for all, and then tells each member
// that its report was taken. The sender has them at once, without the hub.
type acks struct {
	hub   *Hub
	pause time.Duration // at most, while more are coming
	mu    sync.Mutex
	list  []*nats.Msg
	more  chan struct{} // capacity 1
	stop  context.CancelFunc
	ended chan struct{}
}

// Reports come together until none has come for a pause, so that those that are
// still on their way to their senders are not held up by what nobody waits for.
// That is bounded: a sender that connects anew asks once more after askedAgain.
// A leaf hub passes on what is written only, and is not to wait.
const (
	ackPause   = 100 * time.Millisecond
	ackLongest = 500 * time.Millisecond
)

func newAcks(h *Hub) *acks {
	ctx, stop := context.WithCancel(context.Background())
	a := &acks{hub: h, pause: ackLongest, more: make(chan struct{}, 1), stop: stop, ended: make(chan struct{})}
	if h.config.Leaf != nil {
		a.pause = ackPause
	}
	go a.run(ctx)
	return a
}

func (a *acks) close() {
	a.stop()
	<-a.ended
}

// take is given each report.
func (a *acks) take(m *nats.Msg) {
	a.hub.busy.Store(true)
	a.mu.Lock()
	a.list = append(a.list, m)
	a.mu.Unlock()
	select {
	case a.more <- struct{}{}:
	default:
	}
}

func (a *acks) run(ctx context.Context) {
	defer close(a.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.more:
		}
		if !a.gather(ctx) {
			return
		}
		a.mu.Lock()
		list := a.list
		a.list = nil
		a.mu.Unlock()
		a.write(ctx, list)
	}
}

// gather waits until reports have come together; it is false if ctx has ended.
func (a *acks) gather(ctx context.Context) bool {
	end := time.Now().Add(a.pause)
	for {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(ackPause):
		}
		select {
		case <-a.more:
			if time.Until(end) >= ackPause {
				continue
			}
		default:
		}
		return true
	}
}

// auditAcks is where the reports on one message are.
func auditAcks(sender, id string) string { return subjectAudit + "ack." + sender + "." + id }

// write writes reports, those on the same message together.
func (a *acks) write(ctx context.Context, list []*nats.Msg) {
	batches := map[string][]*nats.Msg{}
	sizes := map[string]int{}
	flush := func(subject string) {
		if err := a.commit(ctx, subject, batches[subject]); err != nil && ctx.Err() == nil {
			a.hub.storeFails("writing stream AUDIT", err) // they are sent again
		}
		delete(batches, subject)
		delete(sizes, subject)
	}
	for _, m := range list {
		sender, id, _, ok := parseAck(m.Subject)
		if !ok || !isID(id) {
			continue
		}
		subject := auditAcks(token(sender), id)
		batches[subject] = append(batches[subject], m)
		if sizes[subject] += len(m.Data); sizes[subject] > maxPage {
			flush(subject)
		}
	}
	for subject := range batches {
		flush(subject)
	}
}

func (a *acks) commit(ctx context.Context, subject string, list []*nats.Msg) error {
	items := make([]item, len(list))
	for i, m := range list {
		items[i] = item{m.Subject, m.Data}
	}
	b, err := json.Marshal(items)
	if err == nil {
		_, err = a.hub.js.Publish(ctx, subject, b)
	}
	if err != nil {
		return err
	}
	if a.hub.leaf != nil {
		wake(a.hub.leaf.written)
	}
	for _, m := range list {
		if m.Reply != "" {
			_ = a.hub.conn.Publish(m.Reply, nil) // one that is lost is asked for again
		}
	}
	return nil
}
