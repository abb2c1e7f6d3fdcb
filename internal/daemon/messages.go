package daemon

import (
	"bytes"
	"context"
	"slices"

	"msg"
)

// maxMessages is the most that one question is answered with.
const maxMessages = 10_000

// Messages implements control.Service. A superuser, and the readers that
// msgd.toml names, see all; everybody else what they sent, and of what was
// sent to them their own part. What was refused, or is still kept, is not shown
// to those whom it was for.
func (d *Daemon) Messages(ctx context.Context, p msg.Principal, id string, limit int, report func(msg.Record)) error {
	if limit <= 0 || limit > maxMessages {
		limit = maxMessages
	}
	v := viewer{Principal: p, all: p.Superuser || d.readers.Judge(p, ActionSend, msg.Session{}, d.accounts.InGroup).Allow}
	numbers, err := d.search(ctx, v, id, limit)
	if err != nil {
		return err
	}
	// Each is read in a transaction of its own: one that waits for a slow
	// client would keep the pages of the file from being used again.
	for _, n := range numbers {
		if s, ok := d.read(n); ok && ctx.Err() == nil {
			report(v.part(s))
		}
	}
	return ctx.Err()
}

// read returns one message, unless it has been removed or is damaged.
func (d *Daemon) read(n number) (s stored, ok bool) {
	err := d.journal.view(func(t tables) (err error) {
		if ok = t.messages.Get(n.key()) != nil; ok {
			s, err = t.load(n)
		}
		return err
	})
	if err != nil {
		d.log.Error("reading the journal", "error", err)
	}
	return s, ok && err == nil
}

// viewer is somebody who asks for messages.
type viewer struct {
	msg.Principal
	all bool
}

// search finds the newest messages that v may see, the newest first. It may
// have to read all of them, and so few search at the same time.
func (d *Daemon) search(ctx context.Context, v viewer, id string, limit int) (numbers []number, err error) {
	select {
	case d.reading <- struct{}{}:
		defer func() { <-d.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	err = d.journal.view(func(t tables) error {
		candidates := t.newest
		if id != "" {
			candidates = func(visit func(number) bool) { t.called(id, visit) }
		}
		for n := range candidates {
			if len(numbers) == limit || ctx.Err() != nil {
				break
			}
			if v.sees(t, n) {
				numbers = append(numbers, n)
			}
		}
		return ctx.Err()
	})
	return numbers, err
}

// newest visits all messages from the last to the first.
func (t tables) newest(visit func(number) bool) {
	c := t.messages.Cursor()
	for key, _ := c.Last(); key != nil && visit(numberOf(key)); key, _ = c.Prev() {
	}
}

// called visits the messages that an ID or the end of one means.
func (t tables) called(id string, visit func(number) bool) {
	var found []number
	c, prefix := t.ids.Cursor(), idKey(id)
	for key, value := c.Seek(prefix); key != nil && bytes.HasPrefix(key, prefix); key, value = c.Next() {
		whole := bytes.Clone(key)
		slices.Reverse(whole)
		if msg.IsID(id, string(whole)) && len(found) < maxMessages {
			found = append(found, numberOf(value))
		}
	}
	slices.Sort(found)
	for _, n := range slices.Backward(found) {
		if !visit(n) {
			return
		}
	}
}

// sees reports whether v may know of a message, without reading all of it. Of
// one that is damaged nobody does but those who see all.
func (v viewer) sees(t tables, n number) bool {
	if v.all {
		return true
	}
	if h, d := decodeHead(t.messages.Get(n.key())); d.err != nil || v.isOwn(h.account, h.user) {
		return d.err == nil
	}
	places, err := t.loadPlaces(n)
	return err == nil && slices.ContainsFunc(places, v.received)
}

// isOwn compares the name as well: the number of an account that is gone may
// be given to another.
func (v viewer) isOwn(account, user string) bool {
	return account != "" && account == v.Account && user == v.User
}

// received reports whether v was shown a message at a place.
func (v viewer) received(p place) bool {
	switch p.receipt.Outcome {
	case "", msg.OutcomeRefused, msg.OutcomeQueued, outcomeMoved:
		return false
	}
	return v.isOwn(p.session.Account, p.session.User)
}

// part is what v may see of a message: one that was received is to v alone.
func (v viewer) part(s stored) msg.Record {
	r := s.record()
	if v.all || v.isOwn(s.entry.By.Account, s.entry.By.User) {
		return r
	}
	r.To, r.Account = []string{v.User}, s.entry.By.Account
	r.Receipts = slices.DeleteFunc(r.Receipts, func(r msg.Receipt) bool {
		return !v.received(place{r.Session, r})
	})
	return r
}
