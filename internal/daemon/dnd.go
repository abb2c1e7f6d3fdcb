package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"msg"
)

// peace is who does not want to be disturbed. All of it is in memory, because
// it is asked for every session of every message; the journal has it too.
type peace struct {
	mu sync.Mutex
	of map[string]msg.DND // by account
}

func loadPeace(j *journal) (*peace, error) {
	p := &peace{of: map[string]msg.DND{}}
	return p, j.view(func(t tables) error {
		return t.dnd.ForEach(func(account, value []byte) error {
			var d msg.DND
			if err := json.Unmarshal(value, &d); err != nil {
				return fmt.Errorf("do-not-disturb of account %q: %w: %v", account, errRecord, err)
			}
			p.of[string(account)] = d
			return nil
		})
	})
}

// get returns what an account wants at that moment.
func (p *peace) get(account string, now time.Time) msg.DND {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.of[account]; d.Active(now) {
		return d
	}
	return msg.DND{}
}

func (p *peace) set(account string, d msg.DND) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.On {
		p.of[account] = d
	} else {
		delete(p.of, account)
	}
}

// forget drops what is over, if it still is.
func (p *peace) forget(account string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.of[account]; !d.Active(now) {
		delete(p.of, account)
	}
}

// over lists the accounts whose time has ended.
func (p *peace) over(now time.Time) (accounts []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for account, d := range p.of {
		if !d.Active(now) {
			accounts = append(accounts, account)
		}
	}
	return accounts
}

// SetDND implements control.Service.
func (d *Daemon) SetDND(_ context.Context, p msg.Principal, want msg.DND) error {
	switch {
	case p.Account == "":
		return fmt.Errorf("%w: %s has no account here", msg.ErrRefused, p.User)
	case want.On && !want.Until.IsZero() && !want.Until.After(time.Now()):
		return fmt.Errorf("%w: %s is over", msg.ErrMessage, want.Until.Format(time.DateTime))
	}
	if err := d.writeDND(p.Account, want); err != nil {
		return err
	}
	d.log.Info("do-not-disturb", "by", p.Sender(), "on", want.On, "until", want.Until)
	d.lookAtQueue() // somebody may be reachable again
	return nil
}

func (d *Daemon) writeDND(account string, want msg.DND) error {
	value, err := json.Marshal(want)
	if err != nil {
		return err
	}
	return d.journal.do(func(t tables) error {
		if !want.On {
			return t.dnd.Delete([]byte(account))
		}
		return t.dnd.Put([]byte(account), value)
	}, func() { d.peace.set(account, want) })
}

// forgetDND takes what is over out of the journal, unless there is a new one.
func (d *Daemon) forgetDND(account string, now time.Time) error {
	return d.journal.do(func(t tables) error {
		var there msg.DND
		if err := json.Unmarshal(t.dnd.Get([]byte(account)), &there); err == nil && there.Active(now) {
			return nil
		}
		return t.dnd.Delete([]byte(account))
	}, func() { d.peace.forget(account, now) })
}

// DND implements control.Service.
func (d *Daemon) DND(_ context.Context, p msg.Principal) (msg.DND, error) {
	return d.peace.get(p.Account, time.Now()), nil
}

// disturbed says that somebody does not want the message.
func disturbed(user string, d msg.DND, now time.Time) string {
	detail := user + " does not want to be disturbed"
	switch until := d.Until.In(now.Location()); {
	case d.Until.IsZero():
		return detail
	case until.Format(time.DateOnly) == now.Format(time.DateOnly):
		return detail + until.Format(" (until 15:04)")
	default:
		return detail + until.Format(" (until 2006-01-02 15:04)")
	}
}
