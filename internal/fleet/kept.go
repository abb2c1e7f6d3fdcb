package fleet

import (
	"context"
	"errors"
	"slices"

	"msg"
)

// This file is about what a member keeps for people who are not signed in there.
// The sender has heard all when it is kept, and is told again when they are
// there: whenever that is, and whether he still waits or not.

// put replaces the receipt of a session, and that of the same person from when
// there was none. It reports whether that is news.
func (r *Report) put(x msg.Receipt) (news bool) {
	r.Receipts = slices.DeleteFunc(r.Receipts, func(old msg.Receipt) bool {
		return old.Outcome == msg.OutcomeQueued && old.Session.ID == "" && x.Session.ID != "" && old.Session.User == x.Session.User
	})
	for i, old := range r.Receipts {
		if old.Session.ID == x.Session.ID && old.Session.User == x.Session.User {
			r.Receipts[i] = x
			return !sameReceipt(old, x)
		}
	}
	r.Receipts = append(r.Receipts, x)
	return true
}

// keeps reports whether people are missing for whom it is kept, and nobody else
// is waited for.
func (r *Report) keeps() bool {
	kept := false
	for _, x := range r.Receipts {
		if !x.Final { // the sender waits
			return false
		}
		kept = kept || x.Outcome == msg.OutcomeQueued
	}
	return kept
}

// keepFor reports whether a message that was sent here, with this error, is kept
// for somebody, and tells the sender then.
func (n *Node) keepFor(h *held, err error) bool {
	var none *msg.NoSessionError
	if err != nil && !errors.As(err, &none) {
		return false
	}
	h.mu.Lock()
	r := &h.Report
	kept := r.keeps()
	if kept {
		if none != nil {
			r.Missing = none.Selectors
		}
		r.Kept, r.At = true, n.clock().UTC()
		r.Serial++
		n.logError("writing the inbox of the fleet", n.inbox.write(h))
	}
	h.mu.Unlock()
	if kept {
		n.publish(h)
	}
	return kept
}

// attend is told what becomes of a message that was given to the daemon.
func (n *Node) attend(h *held, e Envelope) (known bool, err error) {
	h.mu.Lock()
	h.attended = true
	h.mu.Unlock()
	return n.local.Follow(context.Background(), h.ID, func(r msg.Receipt) { n.progress(h, e.Message, r) })
}

// keptBy reports whether a target keeps a message for people that nobody waits
// for; mu is held.
func (s *sent) keptBy(t target) bool {
	sum := s.said(t)
	return !s.Message.Wait && (s.Reports[t.Name].Kept || sum != nil && sum.Kept.has(t.Number))
}
