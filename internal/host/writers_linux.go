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
	maxHired = 64
	patience = 20 * time.Millisecond // before others are hired

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
	n     int
	give  func(i int) (terminal, bool)
	next  atomic.Int64 // terminal to begin with
	ended atomic.Int64 // how many are done with
	all   chan struct{}

	mu      sync.Mutex
	over    bool // nobody waits any more
	begun   map[string]terminal
	done    []terminalResult
	waiting []pending
	perUser map[uint32]int // of waiting
}

// firstRound makes the first write to each of n terminals, which it asks for
// by number; one that give refuses is left out. It returns what became of
// those that are done with, and those that have not taken everything. It ends
// at the deadline; a terminal that is being opened then counts as one that
// takes nothing.
func (r *run) firstRound(n int, give func(i int) (terminal, bool), deadline time.Time) ([]terminalResult, []pending) {
	if n == 0 {
		return nil, nil
	}
	w := &writers{run: r, n: n, give: give, all: make(chan struct{}), begun: map[string]terminal{}, perUser: map[uint32]int{}}
	w.hire(min(maxWriters, n), maxUsed)
	w.wait(deadline)
	return w.end()
}

// hire starts writers. They are left behind if the kernel holds them up.
func (w *writers) hire(count, keep int) {
	for range count {
		go w.work(keep)
	}
}

// wait waits until all are done with or the deadline is there, and hires more
// when nothing moves.
func (w *writers) wait(deadline time.Time) {
	end := time.NewTimer(time.Until(deadline))
	defer end.Stop()
	watch := time.NewTicker(patience)
	defer watch.Stop()
	hired, before := maxWriters, int64(-1)
	for {
		select {
		case <-w.all:
			return
		case <-end.C:
			return
		case <-watch.C:
			if now := w.next.Load(); now == before && now < int64(w.n) && hired < maxHired {
				w.hire(maxWriters, 0)
				hired += maxWriters
			} else {
				before = now
			}
		}
	}
}

// work makes first writes until there are none left to begin with.
func (w *writers) work(keep int) {
	var used []int
	defer func() { closeAll(used) }()
	for {
		i := int(w.next.Add(1)) - 1
		if i >= w.n {
			return
		}
		if t, ok := w.give(i); ok {
			used = append(used, w.serve(t, used)...)
			if len(used) > keep {
				closeAll(used)
				used = used[:0]
			}
		}
		if int(w.ended.Add(1)) == w.n {
			close(w.all)
		}
	}
}

// serve makes one first write, and returns the descriptor if it is of no more
// use. used are descriptors that may be closed if there are too many.
func (w *writers) serve(t terminal, used []int) []int {
	w.mu.Lock()
	w.begun[t.name] = t
	w.mu.Unlock()
	p, err := w.start(t)
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		closeAll(used)
		clear(used)
		p, err = w.start(t)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.begun, t.name)
	if err == nil && len(p.rest) > 0 {
		if w.perUser[t.uid]++; !w.over && w.perUser[t.uid] <= maxWaiting {
			w.waiting = append(w.waiting, p)
			return nil
		}
		err = errStuck
	}
	w.done = append(w.done, terminalResult{p.rdev, err})
	if p.fd > 0 {
		return []int{p.fd}
	}
	return nil
}

// closeAll closes descriptors; 0 is none.
func closeAll(used []int) {
	for _, fd := range used {
		if fd > 0 {
			unix.Close(fd)
		}
	}
}

// end takes what there is. Terminals that a writer is held up with are known
// by their device, so that nobody writes to them a second time.
func (w *writers) end() ([]terminalResult, []pending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for _, t := range w.begun {
		if t.rdev == 0 {
			if d, err := w.dev.stat(t.name); err == nil {
				t.rdev = d.rdev
			}
		}
		w.done = append(w.done, terminalResult{t.rdev, errStuck})
	}
	return w.done, w.waiting
}
