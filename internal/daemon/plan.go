package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"msg"
)

// plan is what is to happen with one message.
type plan struct {
	entry   entry
	places  []place // those with a receipt are decided, the others are to be shown it
	missing []msg.Selector
	refused int    // places that no rule allows
	reason  string // of the first of them
}

// Limits of what package msg does not bound. Each recipient is compared with
// each session.
const (
	maxSelectors     = 1000
	maxSelectorBytes = 64 << 10
	maxButtons       = 32
)

// newEntry makes the message that p really sends: who, when, and that it is
// the first time are not for the client to say.
func newEntry(p msg.Principal, t msg.Target, m msg.Message, now time.Time) (entry, error) {
	m.From, m.Sent, m.Again = p.Sender(), now.Round(0), false
	if m.ID == "" {
		m.ID = msg.NewID(now)
	}
	if err := m.Check(); err != nil {
		return entry{}, err
	}
	to, size := t.Strings(), 0
	for _, s := range to {
		size += len(s)
	}
	switch {
	case !isID(m.ID):
		return entry{}, fmt.Errorf("%w: its ID %q is no ULID", msg.ErrMessage, m.ID)
	case len(m.Buttons) > maxButtons:
		return entry{}, fmt.Errorf("%w: the name of its buttons has %d bytes, the limit is %d", msg.ErrMessage, len(m.Buttons), maxButtons)
	case len(to) == 0:
		return entry{}, fmt.Errorf("%w: %v", msg.ErrMessage, msg.ErrTarget)
	case len(to) > maxSelectors || size > maxSelectorBytes:
		return entry{}, fmt.Errorf("%w: it has %d recipients in %d bytes, the limits are %d and %d", msg.ErrMessage, len(to), size, maxSelectors, maxSelectorBytes)
	}
	return entry{Message: m, By: p, To: to}, nil
}

// isID reports whether an ID is a ULID as msg.NewID writes it: the time fits
// into 48 bits.
func isID(id string) bool {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	return len(id) == 26 && id[0] <= '7' && !slices.ContainsFunc([]byte(id), func(c byte) bool {
		return !slices.Contains([]byte(alphabet), c)
	})
}

// newPlan decides for each session that t means, and for those people who are
// not signed in.
func (d *Daemon) newPlan(e entry, t msg.Target, sessions []msg.Session, now time.Time) (plan, error) {
	pl := plan{entry: e}
	matched, missing := t.Resolve(sessions)
	action := ActionSend
	if t.Broadcast() {
		action = ActionBroadcast
	}
	pl.places = make([]place, 0, len(matched))
	for _, s := range matched {
		s.Own = e.By.IsAt(s)
		pl.add(s, d.decide(e.By, action, s, now))
	}
	if e.Message.Queue == 0 {
		pl.missing = missing
	} else if err := d.planQueue(&pl, missing, now); err != nil {
		return pl, err
	}
	if len(pl.missing) == 0 && len(pl.places) > 0 && pl.refused == len(pl.places) {
		pl.entry.Refused, pl.places = pl.reason, nil
	}
	return pl, nil
}

// decision is what is to happen at one place.
type decision struct {
	receipt msg.Receipt // without an outcome: it is to be shown
	reason  string      // why no rule allows it, if none does
}

func (pl *plan) add(s msg.Session, x decision) {
	if x.reason != "" {
		pl.refused++
		pl.reason = cmp.Or(pl.reason, x.reason)
	}
	pl.places = append(pl.places, place{s, x.receipt})
}

func refuse(detail string, now time.Time) msg.Receipt {
	return msg.Receipt{Outcome: msg.OutcomeRefused, Detail: detail, At: now, Final: true}
}

// ask asks the rules.
func (d *Daemon) ask(p msg.Principal, a Action, s msg.Session, now time.Time) (v Verdict, x decision) {
	if v = d.config.Rules.Judge(p, a, s, d.accounts.InGroup); !v.Allow {
		x = decision{refuse(fmt.Sprintf("%v: %s", msg.ErrRefused, v.Reason), now), v.Reason}
	}
	return v, x
}

// decide asks the rules and, through them, the person's do-not-disturb.
func (d *Daemon) decide(p msg.Principal, a Action, s msg.Session, now time.Time) decision {
	v, x := d.ask(p, a, s, now)
	if want := d.peace.get(s.Account, now); v.Allow && want.On && !v.Urgent && !p.Owns(s) {
		x.receipt = refuse(disturbed(s.User, want, now), now)
	}
	return x
}

// planQueue finds those of the missing who have an account here.
func (d *Daemon) planQueue(pl *plan, missing []msg.Selector, now time.Time) error {
	m := pl.entry.Message
	if m.Queue > d.config.Limits.QueueTime && !pl.entry.By.Superuser {
		return fmt.Errorf("%w: it cannot be kept for %s, the limit is %s", msg.ErrLimit, formatDuration(m.Queue), formatDuration(d.config.Limits.QueueTime))
	}
	if len(missing) > d.config.Limits.QueuePerAccount && !pl.entry.By.Superuser {
		return fmt.Errorf("%w: %d people are not signed in, and messages are kept for %d", msg.ErrLimit, len(missing), d.config.Limits.QueuePerAccount)
	}
	known := map[string]bool{}
	for _, sel := range missing {
		s, ok := d.absent(sel)
		if !ok {
			pl.missing = append(pl.missing, sel)
			continue
		}
		if known[s.Account] {
			continue
		}
		known[s.Account] = true
		v, x := d.ask(pl.entry.By, ActionQueue, s, now)
		if v.Allow {
			x.receipt = msg.Receipt{Outcome: msg.OutcomeQueued, At: now}
		}
		pl.add(s, x)
	}
	return nil
}

// absent is the place of somebody who is not signed in.
func (d *Daemon) absent(sel msg.Selector) (msg.Session, bool) {
	person := sel.Person()
	if person == "" {
		return msg.Session{}, false
	}
	user, account, ok := d.accounts.Person(person)
	if !ok {
		return msg.Session{}, false
	}
	return msg.Session{Host: d.host, User: user, Account: account, Idle: msg.IdleUnknown}, true
}

// queued lists the accounts for whom something is kept.
func (pl plan) queued() (accounts []string) {
	for _, p := range pl.places {
		if p.receipt.Outcome == msg.OutcomeQueued {
			accounts = append(accounts, p.session.Account)
		}
	}
	return accounts
}

// err is what the sender is told of the whole.
func (pl plan) err() error {
	if pl.entry.Refused != "" {
		return fmt.Errorf("%w: %s", msg.ErrRefused, pl.entry.Refused)
	}
	return msg.MissingError(pl.missing)
}

// reasonOf says for the metrics why a message was not accepted.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, msg.ErrLimit):
		return refusedLimit
	case errors.Is(err, msg.ErrMessage):
		return refusedInvalid
	}
	return refusedError
}
