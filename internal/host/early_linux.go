package host

import (
	"sync"
	"time"
)

// early writes to the terminals of utmp before anything else is asked.
//
// A message for everybody needs no list: whoever is in utmp gets it, and it is
// there as fast as wall(1) is, which asks nobody else either. The list, which
// waits for logind and reads all of /proc, is made afterwards, leaves nobody
// out who is in this one, and adds the others. Entries that a closer look
// could rule out are left to it, and so is everything while there may be a
// tmux, whose terminals must not be written to.
func (r *run) early() {
	if mayHaveTmux(r.proc.root + "/net/unix") {
		return
	}
	file, err := readUtmp(r.utmp)
	if err != nil {
		return
	}
	logins := earlyLogins{run: r, file: file, lines: map[string]bool{}}
	var done []terminalResult
	done, r.waiting = r.firstRound(file.len(), logins.terminal)
	for _, x := range done {
		if x.rdev != 0 {
			r.written[x.rdev], r.results[x.rdev] = true, x.err
		}
	}
	for _, p := range r.waiting {
		r.written[p.rdev] = true
	}
}

// earlyLogins gives the writers one record of utmp after another, so that the
// first terminal is written to while the last record is not yet read.
type earlyLogins struct {
	*run
	file  utmpFile
	mu    sync.Mutex
	lines map[string]bool // seen
}

// terminal returns that of record i, unless it has to be left to a closer
// look. Whether its process lives is not asked: a terminal that is there, and
// belongs to the user, has somebody in front of it.
func (l *earlyLogins) terminal(i int) (terminal, bool) {
	e, ok := l.file.login(i)
	if !ok || e.graphical() || e.multiplexed() || !ttyName(e.line) {
		return terminal{}, false
	}
	uid, known := l.users.LocalUID(e.user)
	if !known {
		return terminal{}, false
	}
	l.mu.Lock()
	seen := l.lines[e.line]
	l.lines[e.line] = true
	l.mu.Unlock()
	return terminal{name: e.line, uid: uid}, !seen
}

// abandon ends what early has begun, when there will be no list.
func (r *run) abandon() {
	results := make(chan terminalResult, len(r.waiting))
	finish(r.ctx, r.waiting, time.Now().Add(takeTimeout), results)
}
