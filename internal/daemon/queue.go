package daemon

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"msg"
)

// kept is a message for one person who is not signed in.
type kept struct {
	sender  string // account
	account string
	dl      *delivery // nil while it is not on the disk yet
	place   int
	until   time.Time
}

// queue is what is kept, the oldest first.
type queue struct {
	limits  Limits
	changed chan struct{} // capacity 1: it may be possible to deliver something
	mu      sync.Mutex
	list    []*kept
}

func newQueue(l Limits) *queue { return &queue{limits: l, changed: make(chan struct{}, 1)} }

func (q *queue) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list)
}

// reserve takes room for a message to these people, all or nothing.
func (q *queue) reserve(by msg.Principal, accounts []string) (list []*kept, err error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range accounts {
		if err := q.room(by, a, len(accounts)); err != nil && !by.Superuser {
			return nil, err
		}
		list = append(list, &kept{sender: by.Account, account: a})
	}
	q.list = append(q.list, list...)
	return list, nil
}

// room says why there is none for n more, one of them for that account.
func (q *queue) room(by msg.Principal, account string, n int) error {
	sent, received := n, 1
	for _, k := range q.list {
		if k.sender == by.Account {
			sent++
		}
		if k.account == account {
			received++
		}
	}
	switch {
	case len(q.list)+n > q.limits.Queue:
		return fmt.Errorf("%w: %d messages are kept for people who are not signed in, and there is room for %d", msg.ErrLimit, len(q.list), q.limits.Queue)
	case sent > q.limits.QueuePerAccount:
		return fmt.Errorf("%w: with this one %d messages of %s are kept, and there may be %d", msg.ErrLimit, sent, by.User, q.limits.QueuePerAccount)
	case received > q.limits.QueuePerAccount:
		return fmt.Errorf("%w: %d messages are kept for account %s already", msg.ErrLimit, received-1, account)
	}
	return nil
}

// drop gives the room back.
func (q *queue) drop(list []*kept) {
	if len(list) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = slices.DeleteFunc(q.list, func(k *kept) bool { return slices.Contains(list, k) })
}

// fill makes what was reserved real: the message is on the disk. If the sender
// waits it is held for as long as it is kept.
func (q *queue) fill(list []*kept, dl *delivery, places []int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := dl.entry.Message
	for j, k := range list {
		if !m.Wait || dl.hold() {
			k.dl, k.place, k.until = dl, places[j], m.Sent.Add(m.Queue)
		}
	}
}

// take takes what is kept and fits.
func (q *queue) take(fits func(*kept) bool) (taken []*kept) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = slices.DeleteFunc(q.list, func(k *kept) bool {
		if k.dl == nil || !fits(k) {
			return false
		}
		taken = append(taken, k)
		return true
	})
	return taken
}

// find finds what is kept of a message with this ID.
func (q *queue) find(id string) *delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, k := range q.list {
		if k.dl != nil && k.dl.entry.Message.ID == id {
			return k.dl
		}
	}
	return nil
}

// takeOf takes what is kept of one message.
func (q *queue) takeOf(dl *delivery) []*kept {
	return q.take(func(k *kept) bool { return k.dl == dl })
}

// cutOff lets go of what is kept: msgd ends, and the next one goes on.
func (q *queue) cutOff() {
	for _, k := range q.take(func(*kept) bool { return true }) {
		k.cutOff()
	}
}

func (k *kept) cutOff() {
	k.dl.cutShort()
	k.letGo()
}

// letGo ends the hold of a sender who waits.
func (k *kept) letGo() {
	if k.dl.entry.Message.Wait {
		k.dl.release()
	}
}

// lookAtQueue has Run look whether something can be delivered.
func (d *Daemon) lookAtQueue() {
	select {
	case d.queue.changed <- struct{}{}:
	default: // it is about to
	}
}
