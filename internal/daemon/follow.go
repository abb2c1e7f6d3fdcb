package daemon

import (
	"context"
	"errors"

	"msg"
)

// Follow reports what came of a message so far and what comes, until nothing of
// it waits or is kept any more; known is false for an ID that the journal does
// not have. It is for whoever had it sent before msgd was started anew, and for
// whoever wants to know what becomes of what is kept, whose receipts are as Send
// has them; the error may be msg.ErrStopping.
func (d *Daemon) Follow(ctx context.Context, id string, report func(msg.Receipt)) (known bool, err error) {
	select {
	case <-d.resumed: // from now on it is either on its way or over
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-d.base.Done():
		return false, errStopping
	}
	dl := d.queue.find(id) // what leaves the queue is on its way before
	if dl == nil {
		dl = d.find(id)
	}
	if dl != nil {
		return true, dl.follow(ctx, report)
	}
	var found []number
	err = d.journal.view(func(t tables) error {
		t.called(id, func(n number) bool {
			found = append(found, n)
			return false
		})
		return nil
	})
	if err != nil || len(found) == 0 {
		return false, err
	}
	s, ok := d.read(found[0])
	if !ok {
		return false, nil
	}
	r := s.record()
	for _, x := range r.Receipts {
		report(x)
	}
	if r.Refused != "" {
		return true, errors.Join(msg.ErrRefused, errors.New(r.Refused))
	}
	return true, nil
}

// follow reports each change of a message on its way, or kept.
func (dl *delivery) follow(ctx context.Context, report func(msg.Receipt)) error {
	var told []msg.Receipt
	for {
		var fresh []msg.Receipt
		over, kept, cut := false, false, false
		ok := dl.wait(ctx, func() bool {
			for i, p := range dl.places {
				if i == len(told) {
					told = append(told, msg.Receipt{})
				}
				waits := p.receipt.Outcome == msg.OutcomeQueued && !p.receipt.Final
				kept = kept || waits
				if r := p.receipt; r.Outcome != "" && r.Outcome != outcomeMoved && (!r.Final || dl.synced[i]) && told[i] != r {
					told[i] = r
					full := p.full(dl.entry.Message.ID)
					full.Final = r.Final || waits && !dl.entry.Message.Wait
					fresh = append(fresh, full)
				}
			}
			over, cut = dl.holds == 0 && !kept, dl.cut
			return over || cut || len(fresh) > 0
		})
		for _, r := range fresh {
			report(r)
		}
		switch {
		case !ok:
			return context.Cause(ctx)
		case cut:
			return errStopping
		case over:
			return nil
		}
	}
}
