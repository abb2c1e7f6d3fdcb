package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// relay passes up what the members of a site say of messages of others. It
// reads stream AUDIT, where everything is that a member was told is taken, and
// remembers how far the main hub has it: a link that is cut, or an end at any
// moment, only has something sent again.
//
// Reports on a message for few go up as they are. From a number of targets on
// they are summed up.
type relay struct {
	leaf    *leaf
	limit   int                  // targets
	read    uint64               // of stream AUDIT, what is passed on or counted
	tallies map[string]*tally    // by ID
	plain   map[string]time.Time // IDs of what is not summed up, and since when that is known
	saved   time.Time

	mu      sync.Mutex
	turn    int               // of what was passed on last
	missing int               // of it, what the main hub has not said that it has
	all     chan struct{}     // capacity 1: nothing is missing
	idle    bool              // the main hub has all that there is
	serials map[string]uint64 // that the main hub has, by ID; until they are looked at
}

// Times of a relay.
const (
	firstSummary = 50 * time.Millisecond
	lastSummary  = time.Second
	passWait     = 5 * time.Second
	saveEvery    = time.Second
)

func newRelay(l *leaf) *relay {
	r := &relay{leaf: l, limit: l.hub.config.Summary, read: l.state.Audit, tallies: map[string]*tally{}, plain: map[string]time.Time{}, all: make(chan struct{}, 1), serials: map[string]uint64{}}
	if r.limit == 0 {
		r.limit = defaultSummary
	}
	return r
}

func (r *relay) run(ctx context.Context) {
	timer := time.NewTimer(resendEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.leaf.written:
			r.setIdle(false)
		case <-timer.C:
		}
		if r.leaf.up.IsConnected() {
			if err := r.pass(ctx); err != nil && ctx.Err() == nil {
				r.leaf.hub.log.Warn("passing reports to the main hub", "error", err) // they are passed again
			}
		}
		timer.Reset(r.next(time.Now()))
	}
}

// next is how long nothing is due.
func (r *relay) next(now time.Time) time.Duration {
	wait := resendEvery
	for _, t := range r.tallies {
		if t.changed {
			wait = min(wait, max(t.due.Sub(now), time.Millisecond))
		}
	}
	return wait
}

// pass passes on all that there is.
func (r *relay) pass(ctx context.Context) error {
	for more := true; more; {
		var list []item
		var end uint64
		var err error
		if list, end, more, err = r.page(ctx); err != nil {
			return err
		}
		if err := r.up(ctx, list); err != nil {
			return err
		}
		r.read = end
		if err := r.sumUp(time.Now()); err != nil {
			return err
		}
	}
	r.setIdle(r.settled())
	return r.remember()
}

// page reads a part of what is new, counts what is summed up, and returns the
// rest.
func (r *relay) page(ctx context.Context) (list []item, end uint64, more bool, err error) {
	end = r.read
	for size := 0; size < maxPage; {
		m, err := r.leaf.hub.audit.GetMsg(ctx, end+1, jetstream.WithGetMsgSubject(subjectAudit+"ack.>"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return list, end, false, nil
		}
		if err != nil {
			return nil, r.read, false, fmt.Errorf("reading stream AUDIT: %w", err)
		}
		items, err := r.entry(ctx, m)
		if err != nil {
			return nil, r.read, false, err
		}
		list, end, size = append(list, items...), m.Sequence, size+len(m.Data)
	}
	return list, end, true, nil
}

// entry counts the reports of an entry, and returns those that are to be passed
// on as they are.
func (r *relay) entry(ctx context.Context, m *jetstream.RawStreamMsg) (list []item, err error) {
	var items []item
	if err := json.Unmarshal(m.Data, &items); err != nil {
		r.leaf.hub.log.Error("reading stream AUDIT", "error", err)
		return nil, nil
	}
	about := map[*tally][]item{}
	for _, i := range items {
		sender, id, _, ok := parseAck(i.Subject)
		if !ok || siteOfAck(i.Subject) != r.leaf.site {
			continue
		}
		if _, ours := r.leaf.hub.book.named(sender); ours { // who has it already
			continue
		}
		t, err := r.tally(ctx, sender, id)
		if err != nil {
			return nil, err
		}
		if t == nil {
			list = append(list, i)
		} else {
			about[t] = append(about[t], i)
		}
	}
	for t, reports := range about {
		for some := range slices.Chunk(reports, atOnce) {
			r.count(t, some, m.Sequence)
		}
	}
	return list, nil
}

// count counts reports that their members have signed.
func (r *relay) count(t *tally, items []item, serial uint64) {
	var list []signedReport
	var numbers []int
	for _, i := range items {
		_, _, host, _ := parseAck(i.Subject)
		if member, known := r.leaf.hub.book.named(host); known { // else it is gone
			list, numbers = append(list, signedReport{i, member.Key}), append(numbers, member.Number)
		}
	}
	for i, o := range openReports(r.leaf.hub.config.Org, list) {
		if o.err != nil {
			r.leaf.hub.log.Warn("a report is refused", "subject", list[i].Subject, "reason", o.err)
			continue
		}
		t.take(o.Report, numbers[i], list[i].item, serial, time.Now())
	}
}

// tally returns that of a message; nil if it is not one to sum up.
func (r *relay) tally(ctx context.Context, sender, id string) (*tally, error) {
	if t := r.tallies[id]; t != nil {
		if t.sum.Sender != sender { // who uses another's ID
			return nil, nil
		}
		return t, nil
	}
	if _, known := r.plain[id]; known {
		return nil, nil
	}
	h := r.leaf.hub
	m, err := h.audit.GetLastMsgForSubject(ctx, subjectAudit+kindSend+"."+token(sender)+"."+id)
	var e Envelope
	if err == nil {
		e, err = peek(m.Data)
	} else if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, fmt.Errorf("reading stream AUDIT: %w", err)
	}
	if err != nil || e.Count < r.limit || e.ID != id || e.Sender != sender { // a question is not there
		r.plain[id] = time.Now()
		return nil, nil
	}
	t := newTally(e, h.config.Org, r.leaf.site)
	r.tallies[id] = t
	return t, r.recount(ctx, t)
}

// recount counts what was counted before a restart.
func (r *relay) recount(ctx context.Context, t *tally) error {
	for at := uint64(0); ; {
		m, err := r.leaf.hub.audit.GetMsg(ctx, at+1, jetstream.WithGetMsgSubject(auditAcks(token(t.sum.Sender), t.sum.ID)))
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && m.Sequence > r.read {
			return nil
		}
		if err != nil {
			delete(r.tallies, t.sum.ID)
			return fmt.Errorf("reading stream AUDIT: %w", err)
		}
		if _, err := r.entry(ctx, m); err != nil {
			return err
		}
		at = m.Sequence
	}
}

// up passes reports on, and waits until the main hub has them on its disk.
func (r *relay) up(ctx context.Context, list []item) error {
	if len(list) == 0 {
		return nil
	}
	r.mu.Lock()
	r.turn++
	r.missing = len(list)
	reply := fmt.Sprintf("%s.taken.pass.%d", inboxOf(r.leaf.name), r.turn)
	select { // of a turn before
	case <-r.all:
	default:
	}
	r.mu.Unlock()
	for _, i := range list {
		if err := r.leaf.up.PublishRequest(i.Subject, reply, i.Data); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, passWait)
	defer cancel()
	select {
	case <-r.all:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("it has not said that it has them: %w", ctx.Err())
	}
}

// taken is told what the main hub has.
func (r *relay) taken(subject string) {
	parts := strings.Split(subject, ".")
	what := parts[len(parts)-2]
	number, err := strconv.ParseUint(parts[len(parts)-1], 10, 64)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case what != "pass":
		r.serials[what] = max(r.serials[what], number)
		wake(r.leaf.written)
	case number == uint64(r.turn):
		if r.missing--; r.missing == 0 {
			wake(r.all)
		}
	}
}

// sumUp sends the summaries that are due, and those again that the main hub has
// not said that it has.
func (r *relay) sumUp(now time.Time) error {
	r.mu.Lock()
	for id, serial := range r.serials {
		if t := r.tallies[id]; t != nil {
			t.accepted = max(t.accepted, serial)
		}
	}
	clear(r.serials)
	r.mu.Unlock()
	for id, t := range r.tallies {
		again := t.accepted < t.sent && now.Sub(t.sentAt) > resendEvery
		if !again && (!t.changed || now.Before(t.due)) {
			continue
		}
		data, err := t.summary(now).Seal(r.leaf.key)
		if err != nil {
			return err
		}
		reply := fmt.Sprintf("%s.taken.%s.%d", inboxOf(r.leaf.name), id, t.sum.Serial)
		if err := r.leaf.up.PublishMsg(&nats.Msg{Subject: subjectAckAt(t.sum.Sender, id, r.leaf.site, relayHost), Reply: reply, Data: data}); err != nil {
			return err
		}
		t.changed, t.sent, t.sentAt = false, t.sum.Serial, now
		t.pause = min(lastSummary, t.pause*6/5)
	}
	return nil
}

// settled reports whether the main hub has all summaries that there are to say.
func (r *relay) settled() bool {
	for _, t := range r.tallies {
		if !t.settled() {
			return false
		}
	}
	return true
}

func (r *relay) setIdle(idle bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = idle
}

// remember writes down how far the main hub has it all.
func (r *relay) remember() error {
	now := time.Now()
	if now.Sub(r.saved) < saveEvery {
		return nil
	}
	forget(r.tallies, now)
	for id, since := range r.plain {
		if now.Sub(since) > time.Hour {
			delete(r.plain, id)
		}
	}
	if !r.settled() {
		return nil
	}
	r.saved = now
	r.leaf.mu.Lock()
	news := r.leaf.state.Audit != r.read
	r.leaf.state.Audit = r.read
	r.leaf.mu.Unlock()
	if !news {
		return nil
	}
	return r.leaf.save()
}
