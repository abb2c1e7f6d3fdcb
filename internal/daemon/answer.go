package daemon

import (
	"context"
	"time"

	"msg"
)

// answerWait bounds the wait for an answer to be on the disk.
const answerWait = 5 * time.Second

// Answer implements control.Service. It returns when the answer is on the
// disk.
func (d *Daemon) Answer(ctx context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error) {
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
