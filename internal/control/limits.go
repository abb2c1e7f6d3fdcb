package control

import (
	"sync"
	"time"
)

// limits counts connections, so that no account can take the place of others.
type limits struct {
	mu      sync.Mutex
	all     int            // of ordinary users
	perUser map[string]int // by account
	told    time.Time      // when the log was last told of one too many
}

// enter counts a connection, unless there are too many. The superuser is
// neither counted nor refused: it can end the daemon anyway, and whoever
// clears up must get in. Clients that are foreign (see peer) get in only while less than
// half of all places are taken, because one user can be thousands of them.
func (l *limits) enter(account string, superuser bool, all, perUser int, foreign func() bool) bool {
	if superuser {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= all || l.perUser[account] >= perUser || l.all >= all/2 && foreign() {
		return false
	}
	if l.perUser == nil {
		l.perUser = map[string]int{}
	}
	l.all++
	l.perUser[account]++
	return true
}

// leave undoes enter.
func (l *limits) leave(account string, superuser bool) {
	if superuser {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.perUser[account]--; l.perUser[account] == 0 {
		delete(l.perUser, account)
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
