package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"msg"
	"msg/internal/text"
)

// Send implements control.Service.
//
// A message is refused as a whole, by an error and without receipts, if no
// rule allows any of it. A person who is not signed in, and for whom it is
// kept, has a Queued receipt with a session that has a user only; it is final
// unless the sender waits, and then receipts of that person's sessions follow.
func (d *Daemon) Send(ctx context.Context, p msg.Principal, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	dl, pl, err := d.accept(ctx, p, t, m)
	if err != nil {
		d.meters.refused(reasonOf(err))
		if d.noise.Allow() { // nothing else bounds how often this happens
			d.log.Warn("message refused", "by", p.Sender(), "to", brief(t.Strings()), "error", err)
		}
		return err
	}
	if dl == nil { // a rule has refused it
		return pl.err()
	}
	if m.Wait {
		defer context.AfterFunc(ctx, dl.giveUp)()
	}
	for receipts := dl.out.take(); receipts != nil; receipts = dl.out.take() {
		for _, r := range receipts {
			report(r)
		}
	}
	if dl.isCut() {
		return fmt.Errorf("%w: message %s goes on after its restart, see query message", errStopping, msg.ShortID(dl.entry.Message.ID))
	}
	return pl.err()
}

// accept decides, writes that down, and begins to show the message. There is
// no delivery if the rules refuse all of it.
func (d *Daemon) accept(ctx context.Context, p msg.Principal, t msg.Target, m msg.Message) (*delivery, plan, error) {
	now := time.Now()
	if err := d.rates.allow(p, now); err != nil {
		return nil, plan{}, err
	}
	e, err := newEntry(p, t, m, now)
	if err != nil {
		return nil, plan{}, err
	}
	sessions, err := d.computer.Sessions(ctx)
	if err == nil {
		err = ctx.Err() // nobody waits for it any more
	}
	if err != nil {
		return nil, plan{}, err
	}
	pl, err := d.newPlan(e, t, sessions, now)
	if err != nil {
		return nil, pl, err
	}
	if pl.entry.Refused != "" {
		_, err := d.record(pl)
		if err == nil {
			d.meters.refused(refusedRule)
			d.logMessage(slog.LevelWarn, "message refused", pl)
		}
		return nil, pl, err
	}
	dl, err := d.begin(pl)
	return dl, pl, err
}

// record writes a message before anything is shown of it.
func (d *Daemon) record(pl plan) (number, error) {
	value, err := encodeEntry(pl.entry)
	if err != nil {
		return 0, err
	}
	var n number
	a := accepted{id: pl.entry.Message.ID, entry: value, sessions: encodeSessions(pl.places), places: pl.places}
	if err = d.journal.do(func(t tables) (err error) {
		n, err = t.accept(a)
		return err
	}, nil); errors.Is(err, errUsed) {
		return 0, fmt.Errorf("%w: its ID %s was used before, and a message is shown once; see query message", msg.ErrMessage, a.id)
	}
	d.tidySoon(len(a.entry) + len(a.sessions))
	return n, err
}

// begin takes what the message needs, writes it down, and has it shown.
func (d *Daemon) begin(pl plan) (*delivery, error) {
	kept, err := d.reserve(pl)
	if err != nil {
		return nil, err
	}
	dl := d.newDelivery(stored{entry: pl.entry, places: pl.places})
	if dl == nil {
		d.unreserve(pl, kept)
		return nil, errStopping
	}
	if dl.number, err = d.record(pl); err != nil {
		d.unreserve(pl, kept)
		dl.release()
		return nil, err
	}
	d.meters.accepted.Inc()
	d.logMessage(slog.LevelInfo, "message", pl)
	d.show(dl, pl, kept)
	return dl, nil
}

// reserve takes room for what is kept and for a sender who waits.
func (d *Daemon) reserve(pl plan) ([]*kept, error) {
	kept, err := d.queue.reserve(pl.entry.By, pl.queued())
	if err == nil && pl.entry.Message.Wait {
		if err = d.waiting.begin(pl.entry.By); err != nil {
			d.queue.drop(kept)
		}
	}
	return kept, err
}

func (d *Daemon) unreserve(pl plan, kept []*kept) {
	d.queue.drop(kept)
	if pl.entry.Message.Wait {
		d.waiting.end(pl.entry.By)
	}
}

// show tells the sender what is decided already, and lets the rest happen.
func (d *Daemon) show(dl *delivery, pl plan, kept []*kept) {
	var toShow, toKeep []int
	for i, p := range pl.places {
		r := p.full(pl.entry.Message.ID)
		switch {
		case r.Outcome == "":
			toShow = append(toShow, i)
			continue
		case r.Outcome == msg.OutcomeQueued:
			toKeep = append(toKeep, i)
			r.Final = !pl.entry.Message.Wait
		}
		dl.report(r)
	}
	dl.start(toShow, pl.entry.Message, d.computer.Deliver, dl.take)
	d.queue.fill(kept, dl, toKeep)
	if len(toKeep) > 0 {
		d.lookAtQueue() // somebody may have signed in just now
	}
	dl.release()
}

var errGone = errors.New("the sender has gone")

// giveUp ends what waits because the sender has gone.
func (dl *delivery) giveUp() {
	if dl.daemon.isStopping() { // it is msgd that goes
		return
	}
	dl.cancel(errGone)
	for _, k := range dl.daemon.queue.takeOf(dl) {
		dl.set(k.place, msg.Receipt{Outcome: msg.OutcomeFailed, Detail: "the sender did not wait any longer", Final: true})
		dl.release()
	}
}

func (dl *delivery) isCut() bool {
	dl.mu.Lock()
	defer dl.mu.Unlock()
	return dl.cut
}

// logMessage logs one line for a message, without its text.
func (d *Daemon) logMessage(level slog.Level, what string, pl plan) {
	e := pl.entry
	attributes := []any{"id", e.Message.ID, "by", e.By.Sender(), "account", e.By.Account, "to", brief(e.To), "places", len(pl.places)}
	if e.Refused != "" {
		attributes = append(attributes, "reason", e.Refused)
	} else if pl.refused > 0 || len(pl.missing) > 0 {
		attributes = append(attributes, "refused", pl.refused, "missing", len(pl.missing))
	}
	d.log.Log(context.Background(), level, what, attributes...)
}

// briefLength is how much of a list of recipients is in a line of the log.
const briefLength = 200

func brief(to []string) string {
	list := text.Line(strings.Join(to, ","))
	if len(list) > briefLength {
		return text.Cut(list, briefLength)
	}
	return list
}
