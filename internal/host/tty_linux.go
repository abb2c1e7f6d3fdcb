package host

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

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
