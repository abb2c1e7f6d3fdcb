package control

import (
	"sync"
	"time"
)

// limits counts connections, so that no account can take the place of others.
type limits struct {
	mu      sync.Mutex
	all     int            // of ordinary users
	perUser map[uint32]int // by user ID
	told    time.Time      // when the log was last told of one too many
}

// enter counts a connection, unless there are too many. The superuser is
// neither counted nor refused: it can end the daemon anyway, and whoever
// clears up must get in. Clients that are foreign (see peer) get in only while less than
// half of all places are taken, because one user can be thousands of them.
func (l *limits) enter(uid uint32, all, perUser int, foreign func() bool) bool {
	if uid == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= all || l.perUser[uid] >= perUser || l.all >= all/2 && foreign() {
		return false
	}
	if l.perUser == nil {
		l.perUser = map[uint32]int{}
	}
	l.all++
	l.perUser[uid]++
	return true
}

// leave undoes enter.
func (l *limits) leave(uid uint32) {
	if uid == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.perUser[uid]--; l.perUser[uid] == 0 {
		delete(l.perUser, uid)
	}
}

// tell reports whether the log is to be told, which is at most once a second:
// a flood of connections must not become a flood of lines.
func (l *limits) tell() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.told) < time.Second {
		return false
	}
	l.told = now
	return true
}
