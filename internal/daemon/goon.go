package daemon

import (
	"context"
	"slices"
	"time"

	"msg"
)

// sameSession is how far the sign-in times of one session may be apart: what
// /proc says is rounded, and the clock may have been set.
const sameSession = 2 * time.Second

// goOn goes on with what was not finished when msgd ended: it looks which
// sessions are still there, and for each message shows what may not have been
// shown, waits for what was not answered, and keeps what was kept.
func (d *Daemon) goOn(ctx context.Context) error {
	left := d.left
	d.left = nil
	if len(left) == 0 {
		return nil
	}
	sessions, err := d.computer.Sessions(ctx)
	if err != nil {
		return err
	}
	there := map[string]msg.Session{}
	for _, s := range sessions {
		there[s.ID] = s
	}
	for _, s := range left {
		d.goOnWith(s, there, time.Now())
	}
	d.lookAtQueue()
	return nil
}

// remains is what is to be done for one message.
type remains struct {
	again, resume, keep []int
	shown               time.Time // when the last of those to resume was
}

func (d *Daemon) goOnWith(s stored, there map[string]msg.Session, now time.Time) {
	dl := d.newDelivery(s)
	if dl == nil {
		return
	}
	defer dl.release()
	m := s.entry.Message
	if m.Wait {
		d.waiting.resume(s.entry.By)
	}
	r := dl.remains(there, now)
	if m.Wait {
		dl.expectReturn(slices.Concat(r.again, r.resume))
	}
	d.log.Info("message goes on", "id", m.ID, "again", len(r.again), "waiting", len(r.resume), "kept", len(r.keep))
	again := m
	again.Again = true
	dl.start(r.again, again, d.computer.Deliver, dl.take)
	m.Sent = r.shown // which may be long after
	dl.start(r.resume, m, d.computer.Resume, dl.takeReturn)
	d.queue.goOn(dl, r.keep)
}

// remains ends the places whose session is not there any more, or whose time
// is over, and sorts the others.
func (dl *delivery) remains(there map[string]msg.Session, now time.Time) (r remains) {
	m := dl.entry.Message
	for i, p := range dl.places { // nothing else has the delivery yet
		session, still := there[p.session.ID]
		if still = still && isSame(p.session, session); still {
			dl.places[i].session = session // as the computer knows it now
		}
		deadline := p.receipt.At.Add(m.Timeout)
		switch {
		case p.receipt.Final:
		case p.receipt.Outcome == msg.OutcomeQueued:
			r.keep = append(r.keep, i)
		case !still:
			dl.set(i, msg.Receipt{Outcome: msg.OutcomeGone, Detail: "the session ended while msgd did not run", At: now, Final: true})
		case p.receipt.Outcome == "":
			r.again = append(r.again, i)
		case m.Timeout > 0 && !now.Before(deadline):
			dl.set(i, msg.Receipt{Outcome: msg.OutcomeExpired, Surface: p.receipt.Surface, At: now, Final: true})
		default:
			r.resume = append(r.resume, i)
			if p.receipt.At.After(r.shown) {
				r.shown = p.receipt.At
			}
		}
	}
	return r
}

// expectReturn says where answers may come from before they are taken.
func (dl *delivery) expectReturn(places []int) {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	dl.returning = map[int]bool{}
	for _, i := range places {
		dl.returning[i] = true
	}
}

// takeReturn is given what Resume reports: what is no end is known already, and
// says only that answers are taken.
func (dl *delivery) takeReturn(r msg.Receipt) {
	if r.Final {
		dl.take(r)
		return
	}
	dl.mu.Lock()
	defer dl.mu.Unlock()
	if i, ok := dl.byID[r.Session.ID]; ok {
		delete(dl.returning, i)
		dl.changed()
	}
}

// isSame tells a session from a later one that has its ID.
func isSame(a, b msg.Session) bool {
	apart := a.Since.Sub(b.Since).Abs()
	return a.Account == b.Account && a.Since.IsZero() == b.Since.IsZero() && apart <= sameSession
}

// goOn keeps what was kept before msgd was restarted, whatever the limits.
func (q *queue) goOn(dl *delivery, places []int) {
	list := make([]*kept, len(places))
	for j, i := range places {
		list[j] = &kept{sender: dl.entry.By.Account, account: dl.places[i].session.Account}
	}
	q.mu.Lock()
	q.list = append(q.list, list...)
	q.mu.Unlock()
	q.fill(list, dl, places)
}
