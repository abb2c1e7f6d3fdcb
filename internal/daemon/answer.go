package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"msg"
)

// answerWait bounds the wait for an answer to be on the disk.
const answerWait = 5 * time.Second

// errNotYet is not msg.ErrNothing, after which nobody asks again.
var errNotYet = errors.New("msgd has been restarted and does not take answers yet: answer again in a moment")

// Answer implements control.Service. It returns when the answer is on the
// disk.
func (d *Daemon) Answer(ctx context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error) {
	if err := d.awaitReturn(ctx, p, a); err != nil {
		return msg.Receipt{}, err
	}
	r, err := d.computer.Answer(ctx, p, a)
	if err != nil {
		return msg.Receipt{}, err
	}
	d.log.Info("answer", "id", r.Message, "by", p.Sender(), "session", r.Session.ID, "answer", r.Answer)
	dl := d.find(r.Message)
	if dl == nil {
		return r, nil // it is over, and so on the disk
	}
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	if onDisk, ok := dl.final(ctx, r.Session.ID); ok {
		return onDisk, nil
	}
	return r, nil
}

// find returns what is on its way under that ID.
func (d *Daemon) find(id string) *delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	for dl := range d.active {
		if dl.entry.Message.ID == id {
			return dl
		}
	}
	return nil
}

// awaitReturn waits until the computer takes answers to what a may be about:
// the windows of messages outlive msgd, and a button may be pressed while it is
// only about to wait for it again.
func (d *Daemon) awaitReturn(ctx context.Context, p msg.Principal, a msg.Answer) error {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	select {
	case <-d.resumed:
	case <-ctx.Done():
		return errNotYet
	case <-d.base.Done():
		return errStopping
	}
	d.mu.Lock()
	active := slices.Collect(maps.Keys(d.active))
	d.mu.Unlock()
	for _, dl := range active {
		if a.Message != "" && !msg.IsID(a.Message, dl.entry.Message.ID) {
			continue
		}
		if !dl.wait(ctx, func() bool { return !dl.returningLocked(p) }) {
			return errNotYet
		}
	}
	return nil
}

// returningLocked reports whether the message is about to wait again in a
// session of p's.
func (dl *delivery) returningLocked(p msg.Principal) bool {
	for i := range dl.returning {
		if p.Owns(dl.places[i].session) {
			return true
		}
	}
	return false
}
