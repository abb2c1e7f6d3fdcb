package daemon

import (
	"context"
	"errors"
	"sync"
	"time"

	"msg"
)

// delivery is one message on its way. What the computer reports goes to the
// journal, and from there, when it is on the disk, to the sender.
type delivery struct {
	daemon *Daemon
	number number
	entry  entry

	ctx    context.Context // ends what waits
	cancel context.CancelCauseFunc
	out    *mailbox[msg.Receipt] // to the sender, who may have gone

	mu      sync.Mutex
	places  []place
	synced  []bool         // which final receipts are on the disk
	byID    map[string]int // the newest place of a session, by its ID
	open    int            // places without a final receipt
	drawing map[int]bool   // places that are being shown it and have not taken it yet
	holds   int            // what has to happen before the sender has heard all
	cut     bool           // msgd was stopped before all was over
	watch   chan struct{}  // closed at the next change; nil if nobody looks

	// Places that may have had it on the screen when msgd ended, and whose
	// answers the computer does not take yet.
	returning map[int]bool
}

// newDelivery makes a delivery and holds it, or returns nil because msgd is
// being stopped.
func (d *Daemon) newDelivery(s stored) *delivery {
	dl := &delivery{daemon: d, number: s.number, entry: s.entry, out: newMailbox[msg.Receipt](), byID: map[string]int{}, drawing: map[int]bool{}}
	dl.ctx, dl.cancel = context.WithCancelCause(d.base)
	dl.append(s.places)
	if !dl.hold() {
		return nil
	}
	return dl
}

// append adds places; dl.mu is held, or dl is new. It returns those that have
// no receipt yet.
func (dl *delivery) append(places []place) (fresh []int) {
	for _, p := range places {
		i := len(dl.places)
		dl.places, dl.synced = append(dl.places, p), append(dl.synced, p.receipt.Final)
		if p.session.ID != "" {
			dl.byID[p.session.ID] = i
		}
		if !p.receipt.Final {
			dl.open++
		}
		if p.receipt.Outcome == "" {
			fresh = append(fresh, i)
		}
	}
	return fresh
}

// hold says that something more will happen; release follows.
func (dl *delivery) hold() bool {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	return dl.holdLocked()
}

func (dl *delivery) holdLocked() bool {
	if dl.holds == 0 && !dl.daemon.enter(dl) {
		return false
	}
	dl.holds++
	return true
}

func (dl *delivery) release() {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	if dl.holds--; dl.holds == 0 {
		dl.out.close()
		dl.daemon.leave(dl)
		if dl.number != 0 && dl.entry.Message.Wait { // all of it is over
			dl.daemon.waiting.end(dl.entry.By)
		}
	}
	dl.changed()
}

// changed wakes those who look; dl.mu is held.
func (dl *delivery) changed() {
	if dl.watch != nil {
		close(dl.watch)
		dl.watch = nil
	}
}

// wait waits until is, which is called with dl.mu held, or ctx ends.
func (dl *delivery) wait(ctx context.Context, is func() bool) bool {
	for {
		dl.mu.Lock()
		if is() {
			dl.mu.Unlock()
			return true
		}
		if dl.watch == nil {
			dl.watch = make(chan struct{})
		}
		watch := dl.watch
		dl.mu.Unlock()
		select {
		case <-watch:
		case <-ctx.Done():
			return false
		}
	}
}

// show is Computer.Deliver or Computer.Resume.
type show func(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt))

// start has m shown at these places, and waits for nothing.
func (dl *delivery) start(places []int, m msg.Message, show show, report func(msg.Receipt)) {
	dl.mu.Lock()
	to := make([]msg.Session, len(places))
	for j, i := range places {
		to[j] = dl.places[i].session
		if dl.places[i].receipt.Outcome == "" {
			dl.drawing[i] = true
		}
	}
	held := len(places) > 0 && dl.holdLocked()
	dl.mu.Unlock()
	if !held {
		return
	}
	go func() {
		defer dl.release()
		show(dl.ctx, to, m, report)
		dl.complete(places)
	}()
}

// complete ends places that the computer has said nothing final about, which
// it must not do.
func (dl *delivery) complete(places []int) {
	for _, i := range places {
		dl.mu.Lock()
		if !dl.places[i].receipt.Final {
			dl.setLocked(i, msg.Receipt{Outcome: msg.OutcomeFailed, Detail: "nothing is known of it"})
		}
		dl.mu.Unlock()
	}
}

// take is given what the computer reports.
func (dl *delivery) take(r msg.Receipt) {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	i, ok := dl.byID[r.Session.ID]
	if ok && !dl.places[i].receipt.Final {
		dl.setLocked(i, r)
	}
}

// sessionAt is the session of a place.
func (dl *delivery) sessionAt(i int) msg.Session {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	return dl.places[i].session
}

// set is setLocked for a place that nothing else is about.
func (dl *delivery) set(i int, r msg.Receipt) {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	dl.setLocked(i, r)
}

// setLocked says what became of a place. What fails because msgd ends is not
// the end of it: the next msgd goes on.
func (dl *delivery) setLocked(i int, r msg.Receipt) {
	p := &dl.places[i]
	if r.Outcome == msg.OutcomeFailed && errors.Is(context.Cause(dl.ctx), errStopping) {
		dl.cut = true
		return
	}
	if r.At.IsZero() {
		r.At = time.Now()
	}
	delete(dl.drawing, i)
	delete(dl.returning, i)
	r.Message, r.Session = dl.entry.Message.ID, p.session
	p.receipt = r
	if r.Final {
		dl.open--
	}
	finished := dl.open == 0
	held := dl.holdLocked()
	dl.changed()
	dl.daemon.journal.writes.put(write{
		must: true,
		apply: func(t tables) error {
			if finished {
				if err := t.finish(dl.number); err != nil {
					return err
				}
			}
			return t.putReceipt(dl.number, i, r)
		},
		done: func(error) { dl.recorded(i, r, held) },
	})
}

// moveIn ends the place of somebody who was not signed in, and puts those of
// the sessions that there are now behind the others. written is closed when
// that is on the disk, however long it takes; fresh are the places to show the
// message at.
func (dl *delivery) moveIn(i int, places []place) (fresh []int, written <-chan struct{}) {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	first, moved := len(dl.places), msg.Receipt{Outcome: outcomeMoved, At: time.Now(), Final: true}
	dl.places[i].receipt = moved
	dl.open--
	fresh = dl.append(places)
	finished, sessions, onDisk := dl.open == 0, encodeSessions(places), make(chan struct{})
	dl.daemon.journal.writes.put(write{
		must: true, patient: true,
		apply: func(t tables) error {
			if finished {
				if err := t.finish(dl.number); err != nil {
					return err
				}
			}
			if err := t.addPlaces(dl.number, first, sessions, places); err != nil {
				return err
			}
			return t.putReceipt(dl.number, i, moved)
		},
		done: func(error) {
			for _, p := range places {
				if p.receipt.Final {
					dl.report(p.full(dl.entry.Message.ID))
				}
			}
			close(onDisk)
		},
	})
	return fresh, onDisk
}

// report tells the sender, if that one is still there.
func (dl *delivery) report(r msg.Receipt) {
	dl.daemon.meters.receipt(r)
	dl.out.put(r)
}

// recorded passes on what is on the disk.
func (dl *delivery) recorded(i int, r msg.Receipt, held bool) {
	dl.report(r)
	dl.mu.Lock()
	dl.synced[i] = dl.synced[i] || r.Final
	dl.changed()
	dl.mu.Unlock()
	if held {
		dl.release()
	}
}

// cutShort says that the sender has not heard all.
func (dl *delivery) cutShort() {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	dl.cut = true
	dl.changed()
}

// final waits until the end of a session's part is on the disk.
func (dl *delivery) final(ctx context.Context, session string) (msg.Receipt, bool) {
	var r msg.Receipt
	ok := dl.wait(ctx, func() bool {
		i, known := dl.byID[session]
		if known {
			r = dl.places[i].receipt
		}
		return !known || dl.synced[i]
	})
	return r, ok && r.Final
}
