package host

import (
	"slices"
	"sync"
	"time"

	"msg"
)

// wait is a message that waits for an answer in one session. It ends once: by
// an answer, its time, its sender, or because the session has ended.
type wait struct {
	message msg.Message
	place   place
	ended   chan struct{} // closed when result is there
	result  msg.Receipt

	surface string    // what it is shown on; guarded by waits.mu
	shown   time.Time // since when; zero while it is only about to be
}

func newWait(m msg.Message, p place) *wait {
	return &wait{message: m, place: p, ended: make(chan struct{})}
}

// over is closed when the wait has ended. A message that does not wait is
// never over.
func (w *wait) over() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.ended
}

func (w *wait) isOver() bool {
	select {
	case <-w.over():
		return true
	default:
		return false
	}
}

// waits are all the messages that wait for answers.
type waits struct {
	mu   sync.Mutex
	list []*wait       // the oldest first
	none chan struct{} // closed when the list becomes empty; nil if it is

	look chan struct{} // asks for a look at the sessions; capacity 1
}

// add puts waits on the list, and reports whether it was empty.
func (l *waits) add(more []*wait) (none <-chan struct{}, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, more...)
	if first = l.none == nil; first {
		l.none = make(chan struct{})
	}
	return l.none, first
}

// settle ends a wait with a final receipt. It returns false if something else
// has ended it before, and then w.result says what.
func (l *waits) settle(w *wait, r msg.Receipt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settleLocked(w, r)
}

func (l *waits) settleLocked(w *wait, r msg.Receipt) bool {
	i := slices.Index(l.list, w)
	if i < 0 {
		return false
	}
	l.list = slices.Delete(l.list, i, i+1)
	if len(l.list) == 0 {
		close(l.none)
		l.none = nil
	}
	r.Message, r.Session, r.Final = w.message.ID, w.place.Session, true
	if r.Surface == "" {
		r.Surface = w.surface
	}
	if r.At.IsZero() {
		r.At = time.Now()
	}
	w.result = r
	close(w.ended)
	return true
}

// shownOn says what a message that waits is shown on, and since when.
func (l *waits) shownOn(w *wait, surface string, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.surface, w.shown = surface, since
}

// newestFirst compares waits by when they came on the screen. What is about to
// come is the newest. The order in which they were put on the list is none:
// after a restart of msgd it is any.
func newestFirst(a, b *wait) int {
	switch {
	case a.shown.IsZero() && b.shown.IsZero():
		return 0
	case a.shown.IsZero():
		return -1
	case b.shown.IsZero():
		return 1
	}
	return b.shown.Compare(a.shown)
}

// all returns the waits there are, the oldest first.
func (l *waits) all() []*wait {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// awaitAnswers puts deliveries on the list of what waits, and looks after
// their sessions.
func (r *run) awaitAnswers(all []*delivery) {
	if len(all) == 0 {
		return
	}
	list := make([]*wait, len(all))
	for i, d := range all {
		list[i] = d.wait
	}
	if none, first := r.waits.add(list); first {
		go r.lookAfter(none)
	}
}

// windowGrace is what a window gets beyond the time-out to say itself how it
// ended.
const windowGrace = 500 * time.Millisecond

// outcome waits until the wait has ended, for left at most unless the message
// stays until it is answered.
func (d *delivery) outcome(win *window, left time.Duration) msg.Receipt {
	var events <-chan event
	if win != nil {
		defer win.close()
		events, left = win.events, left+windowGrace
	}
	var expired <-chan time.Time
	if d.message.Timeout > 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-d.wait.ended:
		return d.wait.result
	case e, ok := <-events:
		if !ok {
			e = event{Outcome: msg.OutcomeFailed, Detail: "the window has gone: its helper has ended"}
		}
		d.waits.settle(d.wait, e.receipt())
	case <-expired:
		d.waits.settle(d.wait, d.expiry())
	case <-d.ctx.Done():
		d.waits.settle(d.wait, msg.Receipt{Outcome: msg.OutcomeFailed, Detail: errInterrupted.Error()})
	}
	<-d.wait.ended
	return d.wait.result
}

// expiry is what a message has come to whose time is over.
func (d *delivery) expiry() msg.Receipt {
	if err := d.gone(d.place); err != nil {
		return msg.Receipt{Outcome: msg.OutcomeGone, Detail: err.Error()}
	}
	return msg.Receipt{Outcome: msg.OutcomeExpired}
}

// How often the sessions that are waited for are looked at: by the clock; by
// the clock while the table is kept, whose events ask for a look as well; and
// how long it takes at least from one event to the next.
const (
	lookAlone = time.Second
	lookKept  = 30 * time.Second
	lookPause = 100 * time.Millisecond
)

// lookAfter ends waits whose session has ended, until there are no more waits.
func (l *Local) lookAfter(none <-chan struct{}) {
	for {
		interval := lookAlone
		if l.table.isKept() {
			interval = lookKept
		}
		pause := time.Duration(0)
		clock := time.NewTimer(interval)
		select {
		case <-none:
		case <-clock.C:
		case <-l.waits.look:
			pause = lookPause
		}
		clock.Stop()
		for _, w := range l.waits.all() {
			if err := l.gone(w.place); err != nil {
				l.waits.settle(w, msg.Receipt{Outcome: msg.OutcomeGone, Detail: err.Error()})
			}
		}
		select {
		case <-none:
			return
		case <-time.After(pause):
		}
	}
}
