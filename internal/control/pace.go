package control

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What one account may ask for. Scripts come nowhere near it. Above it requests
// wait, each a moment: a client that asks as fast as it can sleeps instead of
// taking the processors from the others.
const (
	paceRate  = 50  // requests a second
	paceBurst = 200 // at once
)

// paceMany is how many accounts are remembered before some are forgotten.
const paceMany = 1000

// paces holds each account to its pace. The zero value is ready for use.
type paces struct {
	mu     sync.Mutex
	of     map[string]*rate.Limiter // by account
	pruned time.Time
}

// wait waits until the account may ask once more, or ctx ends.
func (p *paces) wait(ctx context.Context, account string) {
	_ = p.limiter(account, time.Now()).Wait(ctx) // the server's end is seen by others
}

func (p *paces) limiter(account string, now time.Time) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.of[account]
	if l == nil {
		p.prune(now)
		if p.of == nil {
			p.of = map[string]*rate.Limiter{}
		}
		l = rate.NewLimiter(paceRate, paceBurst)
		p.of[account] = l
	}
	return l
}

// prune forgets accounts that have not asked for so long that they start anew
// in any case. One user can have thousands of accounts (user_namespaces(7)).
func (p *paces) prune(now time.Time) {
	if len(p.of) < paceMany || now.Sub(p.pruned) < time.Second {
		return
	}
	p.pruned = now
	for account, l := range p.of {
		if l.TokensAt(now) >= paceBurst {
			delete(p.of, account)
		}
	}
}
