package daemon

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"msg"
)

// rates bounds how often each account sends.
type rates struct {
	limits Limits
	mu     sync.Mutex
	of     map[string]*rate.Limiter // by account
}

func newRates(l Limits) *rates { return &rates{limits: l, of: map[string]*rate.Limiter{}} }

// allow takes one message from what p may send, or says when to try again.
func (r *rates) allow(p msg.Principal, now time.Time) error {
	if p.Superuser {
		return nil
	}
	r.mu.Lock() // or forget could drop the limiter before it has counted this one
	defer r.mu.Unlock()
	reservation := r.limiter(p.Account).ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	reservation.CancelAt(now)
	return fmt.Errorf("%w: %s may send %d messages a minute; try again in %v", msg.ErrLimit, p.User, r.limits.MessagesPerMinute, wait.Round(time.Second)+time.Second)
}

// limiter is called with mu held.
func (r *rates) limiter(account string) *rate.Limiter {
	l := r.of[account]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(float64(r.limits.MessagesPerMinute)/60), r.limits.Burst)
		r.of[account] = l
	}
	return l
}

// forget drops the accounts that have not sent for so long that they start
// anew in any case.
func (r *rates) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for account, l := range r.of {
		if l.TokensAt(now) >= float64(r.limits.Burst) {
			delete(r.of, account)
		}
	}
}

// waiting counts the messages that wait for answers.
type waiting struct {
	limits Limits
	mu     sync.Mutex
	all    int
	of     map[string]int // by account of the sender
}

func newWaiting(l Limits) *waiting { return &waiting{limits: l, of: map[string]int{}} }

// begin counts one more if there may be; end has to follow.
func (w *waiting) begin(p msg.Principal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case p.Superuser:
	case w.all >= w.limits.Waiting:
		return fmt.Errorf("%w: %d messages wait for answers here; try again later, or without waiting", msg.ErrLimit, w.all)
	case w.of[p.Account] >= w.limits.WaitingPerAccount:
		return fmt.Errorf("%w: %d messages of %s wait for answers; end one of them, or send without waiting", msg.ErrLimit, w.of[p.Account], p.User)
	}
	w.addLocked(p, 1)
	return nil
}

// resume counts one that waited already before msgd was restarted.
func (w *waiting) resume(p msg.Principal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addLocked(p, 1)
}

func (w *waiting) end(p msg.Principal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addLocked(p, -1)
}

func (w *waiting) addLocked(p msg.Principal, n int) {
	w.all += n
	if w.of[p.Account] += n; w.of[p.Account] == 0 {
		delete(w.of, p.Account)
	}
}

func (w *waiting) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all
}
