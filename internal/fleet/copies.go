package fleet

import (
	"slices"
	"time"
)

// This file is about copies of a message. Its sender sends it again to whoever
// said nothing, and signs each copy anew: that is nothing bad. Somebody else can
// only send what was signed already, which is a replay.

// again sends to the members that have said nothing, one by one, and to the
// store, if that has not said that it has the message; until then to those that
// were not connected, too: one that came back before the store had it has asked
// in vain. After the hub was away it is asked first what came of the message:
// most members have told it by then.
func (n *Node) again(s *sent, e Envelope) {
	if !n.conn.IsConnected() || n.caught.Load() != n.conn.Stats().Reconnects+1 || n.unread() {
		return
	}
	s.mu.Lock()
	var subjects, kept []string
	for _, t := range s.Targets {
		subject := subjectHostAt(e.kind(), e.Sender, t.site(), t.Name)
		switch {
		case t.State == stateWaiting:
			subjects = append(subjects, subject)
		case t.State == stateAbsent && e.Message.Queue > 0 && !s.Stored:
			kept = append(kept, subject)
		}
	}
	var wire []byte
	if len(kept)+len(subjects) > 0 {
		wire = n.copyOf(s, e)
	}
	s.mu.Unlock()
	for i, subject := range kept {
		n.publishOne(subject, e, wire, i == 0)
	}
	for _, subject := range subjects {
		n.publishOne(subject, e, wire, false)
	}
}

// unread reports whether there are reports here that nobody has looked at yet.
func (n *Node) unread() bool {
	n.mu.Lock()
	sub := n.subs[prefix+"ack."+token(n.config.Name)+".>"]
	n.mu.Unlock()
	if sub == nil {
		return false
	}
	waiting, _, err := sub.Pending()
	return err == nil && waiting > 0 || n.incoming.any()
}

// copyOf signs a message once more, so that nobody takes it for a replay; mu is
// held.
func (n *Node) copyOf(s *sent, e Envelope) []byte {
	e.Again = n.clock().UTC().Round(0)
	for _, before := range []time.Time{e.Issued, s.again} { // the clock may have been set
		if !e.Again.After(before) {
			e.Again = before.Add(time.Millisecond)
		}
	}
	first, err := parseSealed(s.Wire)
	var wire []byte
	if err == nil {
		wire, err = e.Seal(n.key, first.Grant)
	}
	if err != nil {
		n.logError("signing a message that is sent again", err)
		return s.Wire
	}
	s.again = e.Again
	return wire
}

// maxCopies is how many are remembered: far more than a sender sends in the time
// in which he sends a message again.
const maxCopies = 64

// isReplay remembers a copy of the message, and reports whether it has come
// before; mu is held.
func (h *held) isReplay(e Envelope) bool {
	number := int64(0)
	if !e.Again.IsZero() {
		number = e.Again.UnixNano()
	}
	i, known := slices.BinarySearch(h.Copies, number)
	if known || i == 0 && len(h.Copies) == maxCopies { // which may have been forgotten
		return true
	}
	h.Copies = slices.Insert(h.Copies, i, number)
	if len(h.Copies) > maxCopies {
		h.Copies = h.Copies[1:]
	}
	h.dirty = true // at worst this copy may come once more, and is not shown either
	return false
}
