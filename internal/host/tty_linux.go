package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"msg"
)

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

// writeTerminals writes the message to each terminal and tells of each once.
//
// Every terminal gets one write that cannot block. Those that took it are done
// there and then. Those that did not are kept open and watched together, from
// the last first write on up to one deadline for all, so that a terminal
// stopped with Ctrl-S costs the others nothing. early are those that were
// written to before.
func (r *run) writeTerminals(to []*delivery, early []pending, written func(*delivery, error)) {
	byDevice := make(map[uint64]*delivery, len(to))
	var begin []terminal
	for _, d := range to {
		byDevice[d.place.rdev] = d
		if !r.written[d.place.rdev] {
			begin = append(begin, terminal{d.place.tty, d.place.rdev, d.place.uid})
		}
	}
	results := make(chan terminalResult, len(to)+len(early))
	go func() {
		done, waiting := r.firstRound(len(begin), func(i int) (terminal, bool) { return begin[i], true })
		for _, x := range done {
			results <- x
		}
		finish(r.ctx, append(waiting, early...), time.Now().Add(takeTimeout), results)
		close(results)
	}()
	for x := range results {
		if d, ok := byDevice[x.rdev]; ok {
			delete(byDevice, x.rdev)
			written(d, x.err)
		}
	}
	for _, d := range byDevice { // not even begun when others held everything up
		written(d, errStuck)
	}
}

func terminalReceipt(err error) msg.Receipt {
	r := msg.Receipt{Outcome: msg.OutcomeFailed, Surface: surfaceTerminal}
	switch {
	case err == nil:
		r.Outcome = msg.OutcomeAccepted
		return r
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		err = errInterrupted
	case errors.Is(err, errGone) || errors.Is(err, errChanged):
		r.Outcome = msg.OutcomeGone
	case errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		err = errors.New("permission denied: only root may write to somebody else's terminal (try sudo)")
	}
	r.Detail = err.Error()
	return r
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
// the deadline is there. Each is tried once more in any case.
func finish(ctx context.Context, waiting []pending, deadline time.Time, results chan<- terminalResult) {
	for len(waiting) > 0 && ctx.Err() == nil {
		left := max(0, time.Until(deadline))
		fds := make([]unix.PollFd, len(waiting))
		for i, p := range waiting {
			fds[i] = unix.PollFd{Fd: int32(p.fd), Events: unix.POLLOUT}
		}
		ready, _ := unix.Poll(fds, int((min(left, pollStep)+time.Millisecond-1)/time.Millisecond))
		still, progress := writeReady(waiting, fds, results)
		waiting = still
		if left == 0 {
			break
		}
		if ready > 0 && !progress {
			// Ready, but takes nothing: a kernel's own view of a stopped
			// terminal. Do not spin on it.
			time.Sleep(min(left, 5*time.Millisecond))
		}
	}
	for _, p := range waiting {
		letGo(p.fd)
		err := errStuck
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		results <- terminalResult{p.rdev, err}
	}
}

// letGo closes a descriptor without waiting for it: the owner of a terminal can
// hold up whoever closes it for seconds.
func letGo(fd int) { go unix.Close(fd) }

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
		letGo(p.fd)
		results <- terminalResult{p.rdev, err}
	}
	return still, progress
}
