package daemon

import (
	"context"
	"slices"
	"time"

	"msg"
)

// Times after which the queue is looked at in any case: when sessions could
// not be listed, and when nothing is known to happen.
const (
	queueAgain = 10 * time.Second
	queueIdle  = time.Hour
)

// serveQueue expires and delivers what it can, and returns when to come back.
func (d *Daemon) serveQueue(ctx context.Context) time.Duration {
	if d.queue.count() == 0 {
		return queueIdle
	}
	now := time.Now()
	for _, k := range d.queue.take(func(k *kept) bool { return !now.Before(k.until) }) {
		k.dl.set(k.place, msg.Receipt{Outcome: msg.OutcomeExpired, Detail: "not signed in in time", At: now, Final: true})
		k.letGo()
	}
	sessions, err := d.computer.Sessions(ctx)
	if err != nil {
		d.log.Error("the queue waits", "error", err)
		return queueAgain
	}
	here := map[string][]msg.Session{}
	for _, s := range sessions {
		here[s.Account] = append(here[s.Account], s)
	}
	return d.deliverReady(here, now)
}

// deliverReady has everything shown for which there is somebody.
func (d *Daemon) deliverReady(here map[string][]msg.Session, now time.Time) time.Duration {
	next := now.Add(queueIdle)
	ready := map[string][]*kept{}
	d.queue.take(func(k *kept) bool {
		until, ok := d.reachable(k, here[k.account], now)
		if ok = ok && k.dl.hold(); ok { // so that it is always in the queue, or on its way
			ready[k.account] = append(ready[k.account], k)
		} else if until.Before(next) {
			next = until
		}
		return ok
	})
	for account, list := range ready {
		go d.deliverKept(list, here[account])
	}
	return next.Sub(now)
}

// reachable reports whether the person can be shown it now, else when to look
// again. A message that a rule calls urgent does not wait for the end of a
// do-not-disturb; one that no rule allows any more goes on, to be refused.
func (d *Daemon) reachable(k *kept, here []msg.Session, now time.Time) (until time.Time, ok bool) {
	by, want := k.dl.entry.By, d.peace.get(k.account, now)
	if len(here) == 0 {
		return k.until, false
	}
	quiet := want.On && by.Account != k.account && !slices.ContainsFunc(here, func(s msg.Session) bool {
		v := d.config.Rules.Judge(by, ActionQueue, s, d.accounts.InGroup)
		return !v.Allow || v.Urgent
	})
	if quiet && !want.Until.IsZero() && want.Until.Before(k.until) {
		return want.Until, false
	}
	return k.until, !quiet
}

// deliverKept shows one person everything that was kept, in its order: the
// next when the one before is on the screen. All of it is held, and is let go.
func (d *Daemon) deliverKept(list []*kept, here []msg.Session) {
	for _, k := range list {
		if d.isAnother(k, here[0].User) {
			k.dl.set(k.place, msg.Receipt{Outcome: msg.OutcomeGone, Detail: "the account is somebody else's now", Final: true})
			k.letGo()
		} else if d.deliverOne(k, here) {
			k.letGo()
			k.dl.wait(d.base, func() bool { return len(k.dl.drawing) == 0 })
		} else {
			k.cutOff()
		}
		k.dl.release()
	}
}

// isAnother reports whether the account has gone to another person, called user:
// the number of one that was removed is given to the next that is made.
func (d *Daemon) isAnother(k *kept, user string) bool {
	person := k.dl.sessionAt(k.place).User
	if user == person || user == k.account { // or nobody can tell the name now
		return false
	}
	_, account, ok := d.accounts.Person(person)
	return !ok || account != k.account
}

// deliverOne gives a message the places of the sessions that there are now,
// and has it shown there as soon as that is on the disk. It is false if msgd
// ends first.
func (d *Daemon) deliverOne(k *kept, here []msg.Session) bool {
	var places []place
	for _, s := range here {
		places = append(places, place{s, d.decide(k.dl.entry.By, ActionQueue, s, time.Now()).receipt})
	}
	if d.isStopping() {
		return false
	}
	fresh, written := k.dl.moveIn(k.place, places)
	select {
	case <-written:
	case <-d.base.Done():
		return false
	}
	k.dl.start(fresh, k.dl.entry.Message, d.computer.Deliver, k.dl.take)
	return true
}
