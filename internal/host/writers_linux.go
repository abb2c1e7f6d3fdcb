package host

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Sizes of the first round.
const (
	// maxWriters is how many terminals are written to at the same time. The
	// writes do not block, so more than the processors can run gains nothing.
	maxWriters = 8

	// maxHired bounds the writers when others are held up. Opening a terminal
	// can take seconds if its owner is up to it (ioctl TIOCSETD on it, over and
	// over, with a writer blocked), whatever O_NONBLOCK says.
	maxHired = 32
	patience = 20 * time.Millisecond // before others are hired

	// stalled is how often patience has to end with nothing done before the
	// round is over. Rounds are counted, not time: on a computer so busy that
	// nothing is done because nobody is given a processor, neither is whoever
	// counts, and the terminals are not to blame.
	stalled = int(takeTimeout / patience)

	// maxRound bounds the round whatever is done in it: owners of terminals
	// could hold up one writer after another for a moment each.
	maxRound = 10 * takeTimeout

	// maxWaiting is how many terminals of one user are kept open because they
	// take nothing; more would use up the descriptors for everybody else.
	maxWaiting = 64

	// maxUsed is how many descriptors one writer keeps, to close them at the
	// end: that takes a tenth of the time of writing, which nobody need wait for.
	maxUsed = 100
)

// writers are those who make the first write to each of n terminals.
type writers struct {
	*run
	n    int
	give func(i int) (terminal, bool)
	next atomic.Int64  // terminal to begin with
	made atomic.Int64  // terminals that are done with for this round
	busy atomic.Int64  // writers that have not ended
	all  chan struct{} // closed when none is left
	once sync.Once

	over  atomic.Bool // nobody waits any more
	staff []*writer

	mu      sync.Mutex
	perUser map[uint32]int // terminals that take nothing
}

// writer is one of them; what it has done is its own until the end.
type writer struct {
	*writers
	keep int // descriptors

	mu      sync.Mutex
	at      terminal // being served, if serving
	serving bool
	done    []terminalResult
	waiting []pending
	used    []int // descriptors that are of no more use
}

// firstRound makes the first write to each of n terminals, which it asks for
// by number; one that give refuses is left out. It returns what became of
// those that are done with, and those that have not taken everything. It ends
// when nothing is done any more; a terminal that is being opened then counts as
// one that takes nothing.
func (r *run) firstRound(n int, give func(i int) (terminal, bool)) ([]terminalResult, []pending) {
	if n == 0 {
		return nil, nil
	}
	w := &writers{run: r, n: n, give: give, all: make(chan struct{}), perUser: map[uint32]int{}}
	w.hire(min(maxWriters, n), maxUsed)
	w.wait()
	return w.end()
}

// hire starts writers. They are left behind if the kernel holds them up.
func (w *writers) hire(count, keep int) {
	for range count {
		one := &writer{writers: w, keep: keep}
		w.staff = append(w.staff, one)
		w.busy.Add(1)
		go one.work()
	}
}

// wait waits until all are done with or nothing moves any more, and hires more
// when nothing has moved for a moment.
func (w *writers) wait() {
	end := time.NewTimer(maxRound)
	defer end.Stop()
	watch := time.NewTicker(patience)
	defer watch.Stop()
	hired, before, still := maxWriters, int64(0), 0
	for {
		select {
		case <-w.all:
			return
		case <-end.C:
			return
		case <-watch.C:
		}
		now := w.made.Load()
		if now != before {
			before, still = now, 0
			continue
		}
		if still++; still == stalled {
			return
		}
		if w.next.Load() < int64(w.n) && hired < maxHired {
			w.hire(maxWriters, 0)
			hired += maxWriters
		}
	}
}

// work makes first writes until there are none left to begin with, and then
// closes what it has used.
func (w *writer) work() {
	defer func() {
		w.closeUsed()
		if w.writers.busy.Add(-1) == 0 {
			w.once.Do(func() { close(w.all) })
		}
	}()
	for {
		i := int(w.next.Add(1)) - 1
		if i >= w.n {
			return
		}
		if t, ok := w.give(i); ok {
			w.serve(t)
		}
		w.made.Add(1)
	}
}

// serve makes one first write.
func (w *writer) serve(t terminal) {
	w.mu.Lock()
	w.at, w.serving = t, true
	w.mu.Unlock()
	p, err := w.start(t)
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		w.closeUsed()
		p, err = w.start(t)
	}
	if err == nil && len(p.rest) > 0 && !w.mayWait(t.uid) {
		err = errStuck
	}
	w.mu.Lock()
	w.serving = false
	if err == nil && len(p.rest) > 0 {
		w.waiting = append(w.waiting, p)
		w.mu.Unlock()
		return
	}
	w.done = append(w.done, terminalResult{p.rdev, err})
	w.mu.Unlock()
	if p.fd > 0 {
		if w.used = append(w.used, p.fd); len(w.used) > w.keep {
			w.closeUsed()
		}
	}
}

// mayWait reports whether one more terminal of a user can be kept open.
func (w *writers) mayWait(uid uint32) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.perUser[uid]++
	return !w.over.Load() && w.perUser[uid] <= maxWaiting
}

func (w *writer) closeUsed() {
	for _, fd := range w.used {
		unix.Close(fd)
	}
	w.used = w.used[:0]
}

// end takes what there is. Terminals that a writer is held up with are known
// by their device, so that nobody writes to them a second time.
func (w *writers) end() (done []terminalResult, waiting []pending) {
	w.over.Store(true)
	for _, one := range w.staff {
		one.mu.Lock()
		done, waiting = append(done, one.done...), append(waiting, one.waiting...)
		at, serving := one.at, one.serving
		one.mu.Unlock()
		if !serving {
			continue
		}
		if d, err := w.dev.stat(at.name); at.rdev == 0 && err == nil {
			at.rdev = d.rdev
		}
		done = append(done, terminalResult{at.rdev, errStuck})
	}
	return done, waiting
}
