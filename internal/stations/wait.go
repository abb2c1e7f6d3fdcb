package stations

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"msg"
)

// wait is a message that waits for an answer in one session of Windows.
// It ends once.
type wait struct {
	session msg.Session
	message msg.Message
	ended   chan msg.Receipt // capacity 1; whoever takes the wait off the list fills it
}

// waits are all the messages that wait, the oldest first.
type waits struct {
	mu   sync.Mutex
	list []*wait
}

func (l *waits) add(x msg.Session, m msg.Message) *wait {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &wait{session: x, message: m, ended: make(chan msg.Receipt, 1)}
	l.list = append(l.list, w)
	return w
}

// settle ends a wait, unless something else has.
func (l *waits) settle(w *wait, r msg.Receipt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settleLocked(w, r)
}

func (l *waits) settleLocked(w *wait, r msg.Receipt) {
	if i := slices.Index(l.list, w); i >= 0 {
		l.list = slices.Delete(l.list, i, i+1)
		w.ended <- r
	}
}

// Answer gives an answer by another way than the box, which stays on the
// screen: nothing can close it. See daemon.Computer.
func (s *Computer) Answer(ctx context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return msg.Receipt{}, err
	}
	s.waits.mu.Lock()
	defer s.waits.mu.Unlock()
	asked := s.waits.askedLocked(p, a.Message)
	if len(asked) == 0 {
		return msg.Receipt{}, msg.ErrNothing
	}
	label, ok := asked[0].message.Buttons.Label(a.Button)
	if !ok {
		return msg.Receipt{}, fmt.Errorf("%w: %q", msg.ErrButton, a.Button)
	}
	var first msg.Receipt
	for i, w := range asked {
		r := msg.Receipt{Message: w.message.ID, Session: w.session, Outcome: msg.OutcomeAnswered, Answer: label, Surface: surfaceBox, At: time.Now(), Final: true}
		s.waits.settleLocked(w, r)
		if i == 0 {
			first = r
		}
	}
	return first, nil
}

// askedLocked are the waits of one message that an answer of p is meant for:
// the newest in p's session; or, with an ID, that message there or else in all
// sessions of p's account.
func (l *waits) askedLocked(p msg.Principal, id string) []*wait {
	var all []*wait
	for _, w := range slices.Backward(l.list) {
		if !p.Owns(w.session) || id != "" && !msg.IsID(id, w.message.ID) {
			continue
		}
		if p.IsAt(w.session) {
			return []*wait{w}
		}
		if id != "" && (all == nil || all[0].message.ID == w.message.ID) {
			all = append(all, w)
		}
	}
	return all
}

// lookStations is how often is looked whether the sessions that are waited for
// are still there. Windows does not say what becomes of a box whose session
// ends.
const lookStations = 5 * time.Second

// lookAfter ends waits whose session has ended, until stop is called.
func (b *boxes) lookAfter(waits []*wait) (stop func()) {
	ctx, cancel := context.WithCancel(b.ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		clock := time.NewTicker(lookStations)
		defer clock.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-clock.C:
				b.endGone(ctx, waits)
			}
		}
	})
	return func() {
		cancel()
		watcher.Wait()
	}
}

// endGone ends waits whose session is not listed. A list that fails says
// nothing.
func (b *boxes) endGone(ctx context.Context, waits []*wait) {
	list, err := within(ctx, b.Computer, stationsTimeout, b.Services.Sessions)
	if err != nil {
		return
	}
	there := make(map[string]bool, len(list))
	for _, x := range list {
		there[strconv.FormatUint(uint64(x.ID), 10)] = true
	}
	for _, w := range waits {
		if !there[w.session.ID] {
			b.waits.settle(w, b.receipt(w.session, msg.Receipt{Outcome: msg.OutcomeGone, Detail: errStationEnded.Error(), Final: true}))
		}
	}
}
