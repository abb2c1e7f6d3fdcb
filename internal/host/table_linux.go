package host

import (
	"context"
	"errors"
	"sync"
	"time"
)

// table keeps the last listing, for as long as it is told of everything that
// could change it.
//
// An event does not say what has changed, and often comes before the change: a
// terminal is there before a process has it, and sshd tells logind of a session
// before there is a terminal. So after an event the listing counts only if it
// was made when things had settled, and until then whoever asks gets a new one.
type table struct {
	list    func(context.Context) (*listing, error)
	settle  time.Duration // settleTime, except where a test has real events
	changes chan struct{} // capacity 1
	wake    chan struct{} // an event for keep; capacity 1
	turn    chan struct{} // held by whoever lists; capacity 1

	flights sync.WaitGroup

	mu     sync.Mutex
	kept   context.Context // ends with stop; nil if the table is not kept
	end    context.CancelFunc
	now    *listing      // the last whole one, nil if there is none
	asOf   time.Time     // when now was begun
	took   time.Duration // how long now took
	begun  time.Time     // when the last listing was begun, which may be under way
	failed bool          // the last listing was not whole
	first  time.Time     // of the events since begun; zero if there are none
	last   time.Time     // event of all
	next   *flight

	files, bus bool // are watched

	away time.Time     // when logind went
	back chan struct{} // closed when it is back; nil if it is not away
}

// flight is a listing that has not begun, for all who ask until it does.
type flight struct {
	done chan struct{}
	x    *listing
	err  error
}

// Times of the table.
const (
	settleTime = time.Second // after an event all is in place, except on a busy computer, where
	lateTime   = 5 * time.Second
	busyFactor = 20                     // settling takes as many times as long as listing, if that is more
	soonTime   = 100 * time.Millisecond // from an event until those who wait for changes are told
	apartTime  = time.Second            // between listings that nobody has asked for
	relistTime = 30 * time.Second       // for what no event tells

	// logindReturns is how long a logind that went may take to come back,
	// before its sessions are listed as those of a computer without one.
	logindReturns = 2 * time.Second
	logindAgain   = 100 * time.Millisecond // from one look for it to the next

	listTimeout = 10 * time.Second // of listings, which are bounded part by part
)

func newTable(list func(context.Context) (*listing, error)) *table {
	return &table{
		list: list, settle: settleTime, changes: make(chan struct{}, 1),
		wake: make(chan struct{}, 1), turn: make(chan struct{}, 1),
	}
}

var errKept = errors.New("the table of sessions is kept already")

// start begins to keep the table; stop ends it.
func (t *table) start() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept != nil {
		return errKept
	}
	t.kept, t.end = context.WithCancel(context.Background())
	t.files = true
	return nil
}

// stop returns when no listing is under way.
func (t *table) stop() {
	t.mu.Lock()
	t.end()
	t.kept, t.files, t.bus, t.now = nil, false, false, nil
	t.mu.Unlock()
	t.flights.Wait()
}

func (t *table) isKept() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept != nil
}

// quiet returns the kept listing if it is right without listing anew.
func (t *table) quiet() (*listing, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil || t.now == nil || t.failed {
		return nil, false
	}
	told := t.files && (t.bus || !t.now.hasLogind)
	return t.now, told && !t.asOf.Before(t.settled())
}

// settled is when things have settled after the last event. A computer that is
// too busy to list quickly is too busy to sign people in quickly. The caller
// holds mu.
func (t *table) settled() time.Time {
	return t.last.Add(max(t.settle, min(busyFactor*t.took, lateTime)))
}

// anew returns a listing that began after it was called.
func (t *table) anew(ctx context.Context) (*listing, error) {
	t.mu.Lock()
	kept := t.kept
	if kept == nil {
		t.mu.Unlock()
		return t.list(ctx)
	}
	f := t.next
	if f == nil {
		f = &flight{done: make(chan struct{})}
		t.next = f
		t.flights.Go(func() { t.fly(kept, f) })
	}
	t.mu.Unlock()
	select {
	case <-f.done:
		if f.err != nil && kept.Err() != nil && ctx.Err() == nil {
			return t.list(ctx) // whoever kept the table has ended
		}
		return f.x, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fly makes the listing, after the one that is being made.
func (t *table) fly(kept context.Context, f *flight) {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	t.mu.Lock()
	begun := time.Now()
	t.next, t.begun, t.first = nil, begun, time.Time{}
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(kept, listTimeout)
	defer cancel()
	f.x, f.err = t.list(ctx)
	for f.err == nil && !f.x.hasLogind && t.awaitLogind(ctx) {
		f.x, f.err = t.list(ctx)
	}
	t.store(f, begun)
	close(f.done)
}

// store keeps a listing, and tells those who wait for changes.
func (t *table) store(f *flight, begun time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer ready(t.wake) // keep has to think again
	if t.failed = f.err != nil || !f.x.whole; t.failed {
		return
	}
	changed := t.now == nil || !t.now.same(f.x)
	t.now, t.asOf, t.took = f.x, begun, time.Since(begun)
	if f.x.hasLogind {
		t.logindCameLocked()
	}
	if changed {
		ready(t.changes)
	}
}

// ready makes a channel of capacity 1 ready.
func ready(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default: // it is
	}
}

// event says that something may have changed.
func (t *table) event() {
	t.mu.Lock()
	t.last = time.Now()
	if t.first.IsZero() {
		t.first = t.last
	}
	t.mu.Unlock()
	ready(t.wake)
}

// keep lists after events and by the clock until ctx ends.
func (t *table) keep(ctx context.Context) {
	for ctx.Err() == nil {
		clock := time.NewTimer(time.Until(t.due()))
		select {
		case <-ctx.Done():
		case <-t.wake:
		case <-clock.C:
			_, _ = t.anew(ctx) // an error is for those who ask
		}
		clock.Stop()
	}
}

// due is when keep has to list: soon after the first event of several, when
// things have settled after the last, once more for what took longer, and
// every now and then.
func (t *table) due() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.begun.Add(relistTime)
	switch {
	case !t.first.IsZero():
		at = t.first.Add(soonTime)
	case t.failed:
		at = t.begun.Add(lateTime)
	case t.begun.Before(t.settled()):
		return t.settled()
	case t.begun.Before(t.last.Add(lateTime)):
		return t.last.Add(lateTime)
	default:
		return at
	}
	if apart := t.begun.Add(apartTime); at.Before(apart) {
		return apart
	}
	return at
}

// busIs says whether the signals of logind come in. What was missed while they
// did not is found by a listing.
func (t *table) busIs(up bool) {
	t.mu.Lock()
	t.bus = up
	had := t.now != nil && t.now.hasLogind
	t.mu.Unlock()
	if !up && had {
		t.logindWent()
	}
	t.event()
}

// logindWent says that logind has left the bus, or the bus us.
func (t *table) logindWent() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.back == nil {
		t.away, t.back = time.Now(), make(chan struct{})
	}
}

// logindCame says that it is there.
func (t *table) logindCame() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.logindCameLocked()
}

func (t *table) logindCameLocked() {
	if t.back != nil {
		close(t.back)
		t.back = nil
	}
}

// awaitLogind waits for a logind that was there a moment ago, and reports
// whether to look for it again. Without this a message that is sent while
// logind is being restarted would find sessions with other IDs, and fewer of
// them. It looks by the clock as well, because the signal that it is back may
// have come before anybody knew that it was away.
func (t *table) awaitLogind(ctx context.Context) bool {
	t.mu.Lock()
	had := t.now != nil && t.now.hasLogind
	t.mu.Unlock()
	if !had {
		return false
	}
	t.logindWent()
	t.mu.Lock()
	back, left := t.back, time.Until(t.away.Add(logindReturns))
	t.mu.Unlock()
	if left <= 0 {
		return false
	}
	again := time.NewTimer(min(left, logindAgain))
	defer again.Stop()
	select {
	case <-back:
	case <-again.C:
	case <-ctx.Done():
		return false
	}
	return true
}
