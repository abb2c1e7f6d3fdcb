package host

import (
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"
)

// holder is a process that a session lasts as long as. The time of its start
// tells it from a later one with the same number.
type holder struct {
	pid   int
	start uint64
}

// gone reports why there is nobody in a place any more: its terminal is gone
// or somebody else's, or the processes that it began with are. It asks nobody
// else, so that it is right also while logind is being restarted.
func (l *Local) gone(p place) error {
	if p.tty != "" {
		switch d, err := l.dev.stat(p.tty); {
		case err != nil:
			return errGone
		case d.rdev != p.rdev || d.owner != p.uid:
			return errChanged
		}
	}
	if len(p.holders) > 0 && !slices.ContainsFunc(p.holders, l.proc.lives) {
		return errEnded
	}
	return nil
}

// lives reports whether a process is still there. One that cannot be looked at
// is.
func (fs procFS) lives(h holder) bool {
	p, err := fs.process(h.pid)
	if err != nil {
		return !isNoProcess(err)
	}
	return p.start == h.start
}

// process reads the stat file of one process.
func (fs procFS) process(pid int) (process, error) {
	b, err := readSmall(fs.path(pid, "stat"), make([]byte, 1024))
	if err != nil {
		return process{}, err
	}
	return parseStat(b)
}

// isNoProcess reports whether reading a file of /proc has failed because there
// is no such process.
func isNoProcess(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
}

// lookInFront finds out anew what is in front of each terminal. A tmux is
// started and left without an event, and must not be written over. It returns
// false if a process it knew is gone, so that it cannot tell.
func (l *Local) lookInFront(places []place) bool {
	tmux := mayHaveTmux(l.proc.root + "/net/unix")
	for i := range places {
		p := &places[i]
		p.client = nil
		if tmux && p.tty != "" {
			var ok bool
			if p.client, ok = l.clientOn(p); !ok {
				return false
			}
		}
	}
	return true
}

// clientOn finds the tmux client in front of a terminal.
func (l *Local) clientOn(p *place) (client *tmuxClient, ok bool) {
	for _, h := range p.holders {
		leader, err := l.proc.process(h.pid)
		if err != nil || leader.start != h.start {
			return nil, false
		}
		front := leader
		if leader.foreground != leader.pid {
			if front, err = l.proc.process(leader.foreground); err != nil && !isNoProcess(err) {
				return nil, false
			}
		}
		if leader.tty == p.rdev && isTmuxClient(front) && l.proc.runsAs(front.pid, p.uid) {
			client = &tmuxClient{pid: front.pid}
		}
	}
	return client, true
}
