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

// terminalResult is what became of one terminal.
type terminalResult struct {
	place place
	err   error
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
	var begin []place
	for _, p := range places {
		byDevice[p.rdev] = p
		if !r.written[p.rdev] {
			begin = append(begin, p)
		}
	}
	results := make(chan terminalResult, len(places))
	go func() {
		give := func(i int) (place, bool) { return begin[i], true }
		waiting := append(r.firstRound(len(begin), give, results), r.waiting...)
		r.waiting = nil
		finish(r.ctx, waiting, r.deadline, results)
		close(results)
	}()
	for x := range results {
		if p, ok := byDevice[x.place.rdev]; ok {
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

// firstRound makes the first write to each of n places, which it asks for by
// number; a place that give refuses is left out. It returns the terminals that
// have not taken everything.
func (r *run) firstRound(n int, give func(i int) (place, bool), results chan<- terminalResult) []*terminal {
	var next atomic.Int64
	var mu sync.Mutex
	var waiting []*terminal
	var wg sync.WaitGroup
	for range min(maxWriters, n) {
		wg.Go(func() {
			var done descriptors
			defer done.close()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				p, ok := give(i)
				if !ok {
					continue
				}
				t, err := r.start(&p, &done)
				if t == nil {
					results <- terminalResult{p, err}
					continue
				}
				mu.Lock()
				waiting = append(waiting, t)
				mu.Unlock()
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

// terminal is one that has not taken everything yet.
type terminal struct {
	place place
	fd    int
	rest  []byte
}

// start opens a terminal and makes the first write. It returns the terminal
// if something is left to write. A place without a device number gets the one
// that was found.
func (r *run) start(p *place, used *descriptors) (*terminal, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	o, err := openTerminal(r.dev.root+"/"+p.tty, p.rdev, p.uid)
	if err != nil {
		return nil, err
	}
	p.rdev = o.rdev
	t := &terminal{place: *p, fd: o.fd, rest: r.frames.forColumns(o.columns)}
	done, err := t.write()
	if done || err != nil {
		used.add(o.fd)
		return nil, err
	}
	return t, nil
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

// write writes what the terminal takes now and reports whether that was all.
func (t *terminal) write() (done bool, err error) {
	for len(t.rest) > 0 {
		n, err := unix.Write(t.fd, t.rest)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN || err == nil && n == 0:
			return false, nil
		case err == unix.EIO || err == unix.ENXIO:
			return false, errGone
		case err != nil:
			return false, fmt.Errorf("writing to terminal: %w", err)
		}
		t.rest = t.rest[n:]
	}
	return true, nil
}

// pollStep bounds one wait, so that the end of ctx is noticed.
const pollStep = 50 * time.Millisecond

// finish watches the terminals that did not take everything until they do or
// the deadline is there.
func finish(ctx context.Context, waiting []*terminal, deadline time.Time, results chan<- terminalResult) {
	for len(waiting) > 0 {
		left := time.Until(deadline)
		if left <= 0 || ctx.Err() != nil {
			break
		}
		fds := make([]unix.PollFd, len(waiting))
		for i, t := range waiting {
			fds[i] = unix.PollFd{Fd: int32(t.fd), Events: unix.POLLOUT}
		}
		unix.Poll(fds, int(min(left, pollStep)/time.Millisecond)+1)
		var still []*terminal
		progress := false
		for i, t := range waiting {
			if fds[i].Revents == 0 {
				still = append(still, t)
				continue
			}
			before := len(t.rest)
			done, err := t.write()
			progress = progress || len(t.rest) != before
			if !done && err == nil {
				still = append(still, t)
				continue
			}
			unix.Close(t.fd)
			results <- terminalResult{t.place, err}
			progress = true
		}
		if !progress && anyReady(fds) {
			// Ready, but takes nothing: a kernel's own view of a stopped
			// terminal. Do not spin on it.
			time.Sleep(min(left, 5*time.Millisecond))
		}
		waiting = still
	}
	for _, t := range waiting {
		unix.Close(t.fd)
		err := errStuck
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		results <- terminalResult{t.place, err}
	}
}

func anyReady(fds []unix.PollFd) bool {
	for _, fd := range fds {
		if fd.Revents != 0 {
			return true
		}
	}
	return false
}
