package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"msg"
)

// maxWriters is how many terminals are written to at the same time. The
// writes do not block, so more than the processors can run gains nothing.
const maxWriters = 8

// defaultColumns is the width of a terminal that does not tell it.
const defaultColumns = 80

// terminal is one to write to, and whose it has to be.
type terminal struct {
	name string // below /dev
	rdev uint64 // 0 if it is not known yet
	uid  uint32
}

// terminalResult is what became of one terminal. rdev is 0 if it could not
// even be opened and was not known before.
type terminalResult struct {
	rdev uint64
	err  error
}

// Errors of a terminal that are about the session rather than the system.
var (
	errInterrupted = errors.New("interrupted")
	errStuck       = errors.New("terminal is not taking output")
	errGone        = errors.New("terminal is gone")
	errChanged     = errors.New("terminal belongs to another session now")
)

// writeTerminals writes the message to each terminal and reports each once.
//
// Every terminal gets one write that cannot block. Those that took it are done
// there and then. Those that did not are kept open and watched together, up to
// one deadline for all, so that a terminal stopped with Ctrl-S costs the
// others nothing.
func (r *run) writeTerminals(places []place, report func(place, msg.Receipt)) {
	byDevice := make(map[uint64]place, len(places))
	var begin []terminal
	for _, p := range places {
		byDevice[p.rdev] = p
		if !r.written[p.rdev] {
			begin = append(begin, terminal{p.tty, p.rdev, p.uid})
		}
	}
	results := make(chan terminalResult, len(places))
	go func() {
		give := func(i int) (terminal, bool) { return begin[i], true }
		waiting := append(r.firstRound(len(begin), give, results), r.waiting...)
		r.waiting = nil
		finish(r.ctx, waiting, r.deadline, results)
		close(results)
	}()
	for x := range results {
		if p, ok := byDevice[x.rdev]; ok {
			report(p, terminalReceipt(x.err))
		}
	}
}

func terminalReceipt(err error) msg.Receipt {
	r := msg.Receipt{Outcome: msg.OutcomeFailed, Surface: "terminal"}
	switch {
	case err == nil:
		r.Outcome = msg.OutcomeAccepted
		return r
	case errors.Is(err, context.Canceled):
		err = errInterrupted
	case errors.Is(err, errGone) || errors.Is(err, errChanged):
		r.Outcome = msg.OutcomeGone
	case errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		err = errors.New("permission denied: only root may write to somebody else's terminal (try sudo)")
	}
	r.Detail = err.Error()
	return r
}

// firstRound makes the first write to each of n terminals, which it asks for
// by number; one that give refuses is left out. It returns those that have not
// taken everything.
func (r *run) firstRound(n int, give func(i int) (terminal, bool), results chan<- terminalResult) []pending {
	var next atomic.Int64
	var mu sync.Mutex
	var waiting []pending
	var wg sync.WaitGroup
	for range min(maxWriters, n) {
		wg.Go(func() {
			var used descriptors
			defer used.close()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				t, ok := give(i)
				if !ok {
					continue
				}
				p, err := r.start(t)
				if err == nil && len(p.rest) > 0 {
					mu.Lock()
					waiting = append(waiting, p)
					mu.Unlock()
					continue
				}
				if p.fd > 0 {
					used.add(p.fd)
				}
				results <- terminalResult{p.rdev, err}
			}
		})
	}
	wg.Wait()
	return waiting
}

// descriptors are closed together: closing a terminal takes a tenth of the
// time of writing to it, which the others need not wait for.
type descriptors []int

// maxDescriptors bounds how many a writer keeps open.
const maxDescriptors = 100

func (d *descriptors) add(fd int) {
	if len(*d) == maxDescriptors {
		d.close()
	}
	*d = append(*d, fd)
}

func (d *descriptors) close() {
	for _, fd := range *d {
		unix.Close(fd)
	}
	*d = (*d)[:0]
}

// pending is a terminal that is open, and what it has not taken yet. fd is 0
// if it could not be opened: that number is taken in every process.
type pending struct {
	rdev uint64
	fd   int
	rest []byte
}

// start opens a terminal and makes the first write.
func (r *run) start(t terminal) (pending, error) {
	p := pending{rdev: t.rdev}
	if err := r.ctx.Err(); err != nil {
		return p, err
	}
	o, err := openTerminal(r.dev.root+"/"+t.name, t.rdev, t.uid)
	if err != nil {
		return p, err
	}
	p = pending{rdev: o.rdev, fd: o.fd, rest: r.frames.forColumns(o.columns)}
	return p, p.write()
}

// opened is a terminal that may be written to.
type opened struct {
	fd      int
	rdev    uint64
	columns int
}

// openTerminal opens a device for writing and makes sure that it is still the
// terminal of that user, and, unless rdev is 0, the same device. O_NOFOLLOW
// and the checks after opening leave no moment in which the name could be made
// to mean something else.
func openTerminal(path string, rdev uint64, uid uint32) (opened, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EIO) || errors.Is(err, unix.ENODEV):
		return opened{}, errGone
	case err != nil:
		return opened{}, fmt.Errorf("opening %s: %w", path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return opened{}, fmt.Errorf("looking at %s: %w", path, err)
	}
	// Only a terminal has a size, which tells it from /dev/mem and the like.
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || rdev != 0 && uint64(st.Rdev) != rdev || st.Uid != uid {
		unix.Close(fd)
		return opened{}, errChanged
	}
	o := opened{fd: fd, rdev: uint64(st.Rdev), columns: int(size.Col)}
	if o.columns == 0 {
		o.columns = defaultColumns
	}
	return o, nil
}

// write writes what the terminal takes now.
func (p *pending) write() error {
	for len(p.rest) > 0 {
		n, err := unix.Write(p.fd, p.rest)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN || err == nil && n == 0:
			return nil
		case err == unix.EIO || err == unix.ENXIO:
			return errGone
		case err != nil:
			return fmt.Errorf("writing to terminal: %w", err)
		}
		p.rest = p.rest[n:]
	}
	return nil
}

// pollStep bounds one wait, so that the end of ctx is noticed.
const pollStep = 50 * time.Millisecond

// finish watches the terminals that did not take everything until they do or
// the deadline is there.
func finish(ctx context.Context, waiting []pending, deadline time.Time, results chan<- terminalResult) {
	for len(waiting) > 0 {
		left := time.Until(deadline)
		if left <= 0 || ctx.Err() != nil {
			break
		}
		fds := make([]unix.PollFd, len(waiting))
		for i, p := range waiting {
			fds[i] = unix.PollFd{Fd: int32(p.fd), Events: unix.POLLOUT}
		}
		ready, _ := unix.Poll(fds, int(min(left, pollStep)/time.Millisecond)+1)
		still, progress := writeReady(waiting, fds, results)
		if ready > 0 && !progress {
			// Ready, but takes nothing: a kernel's own view of a stopped
			// terminal. Do not spin on it.
			time.Sleep(min(left, 5*time.Millisecond))
		}
		waiting = still
	}
	for _, p := range waiting {
		unix.Close(p.fd)
		err := errStuck
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		results <- terminalResult{p.rdev, err}
	}
}

// writeReady writes to those terminals that poll has found ready. It returns
// those that still have something to take, and whether any took something.
func writeReady(waiting []pending, fds []unix.PollFd, results chan<- terminalResult) (still []pending, progress bool) {
	for i, p := range waiting {
		if fds[i].Revents == 0 {
			still = append(still, p)
			continue
		}
		before := len(p.rest)
		err := p.write()
		progress = progress || err != nil || len(p.rest) != before
		if err == nil && len(p.rest) > 0 {
			still = append(still, p)
			continue
		}
		unix.Close(p.fd)
		results <- terminalResult{p.rdev, err}
	}
	return still, progress
}
