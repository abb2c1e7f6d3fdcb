package daemon

import (
	"strings"
	"time"

	"msg"
)

// Whoever comes by a fleet has an account with this in front. Rules mean them
// by a group that begins so, or by "*": a name that is the same as one here is
// not the same account.
const fleetMark = "fleet:"

func isFleet(p msg.Principal) bool { return strings.HasPrefix(p.Account, fleetMark) }

// NoteRefused writes into the journal that a message was refused before it came
// to the rules: it is not proved who sent it, or it may not be sent. What it says of
// itself is not believed, and it does not use up its ID.
func (d *Daemon) NoteRefused(from, id, reason string) {
	now := time.Now()
	p := msg.Principal{User: "fleet", Account: fleetMark}
	if d.rates.allow(p, now) != nil { // the log has them
		return
	}
	m := msg.Message{Text: strings.ToValidUTF8("message "+brief([]string{id})+", said to be from "+brief([]string{from}), "\ufffd")}
	e, err := newEntry(p, msg.Target{msg.ParseSelector(anybody)}, m, now)
	if err == nil {
		e.Refused = brief([]string{reason})
		_, err = d.record(plan{entry: e})
	}
	if err != nil {
		d.log.Error("writing down what was refused", "error", err)
	}
	d.meters.refused(refusedRule)
}
