package host

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"msg"
)

// run is the delivery of one message.
type run struct {
	*Local
	ctx     context.Context
	message msg.Message
	frames  *frames
	begun   time.Time

	receipts chan msg.Receipt
	parts    sync.WaitGroup // what may still send receipts

	// Terminals that were written to before the sessions were listed, by
	// device: written says which, results what became of those that are done,
	// waiting are those that are not taking output.
	written map[uint64]bool
	results map[uint64]error
	waiting []pending
}

func (l *Local) newRun(ctx context.Context, m msg.Message) *run {
	return &run{
		Local: l, ctx: ctx, message: m, frames: newFrames(m), begun: time.Now(),
		written: map[uint64]bool{}, results: map[uint64]error{},
	}
}

// places are those there are now, with what is in front of each terminal now.
func (r *run) places() ([]place, error) {
	if x, quiet := r.table.quiet(); quiet {
		if places := slices.Clone(x.places); r.lookInFront(places) {
			return places, nil
		}
	}
	x, err := r.anew()
	if err != nil {
		return nil, err
	}
	return x.places, nil
}

// anew lists anew. Terminals that have the message already are listed in any
// case.
func (r *run) anew() (*listing, error) {
	if len(r.written) > 0 {
		return r.listNow(r.ctx, r.written)
	}
	return r.table.anew(r.ctx)
}

// find finds the places of sessions, and reports what has no place any more.
// It returns false if there is nothing left to do.
func (r *run) find(to []msg.Session, report func(msg.Receipt)) ([]place, bool) {
	if err := r.message.Check(); err != nil {
		r.refuse(to, msg.OutcomeFailed, err.Error(), report)
		return nil, false
	}
	places, gone, err := r.match(to)
	if err != nil {
		detail := fmt.Sprintf("looking for the session: %v", err)
		if r.ctx.Err() != nil {
			detail = errInterrupted.Error()
		}
		r.refuse(to, msg.OutcomeFailed, detail, report)
		return nil, false
	}
	r.refuse(gone, msg.OutcomeGone, errEnded.Error(), report)
	return places, len(places) > 0
}

func (r *run) refuse(sessions []msg.Session, o msg.Outcome, detail string, report func(msg.Receipt)) {
	for _, s := range sessions {
		report(msg.Receipt{Message: r.message.ID, Session: s, Outcome: o, Detail: detail, At: time.Now(), Final: true})
	}
}

// match looks the sessions up in the table. One that is not in it is looked
// for in a new list before it counts as gone.
func (r *run) match(to []msg.Session) (places []place, gone []msg.Session, err error) {
	if x, quiet := r.table.quiet(); quiet {
		if places, gone = x.find(to); len(gone) == 0 && r.lookInFront(places) {
			return places, nil, nil
		}
	}
	x, err := r.table.anew(r.ctx)
	if err != nil {
		return nil, nil, err
	}
	places, gone = x.find(to)
	return places, gone, nil
}

// delivery is the message in one session.
type delivery struct {
	*run
	place place
	wait  *wait // nil if the message does not wait
}

// begin makes the deliveries to places. What waits can be answered from now
// on: a person may be quicker than the receipt that says it is on the screen.
func (r *run) begin(places []place) []*delivery {
	// Room for all receipts, so that nobody who delivers ever waits for
	// whoever reports.
	r.receipts = make(chan msg.Receipt, 2*len(places))
	all := make([]*delivery, len(places))
	for i, p := range places {
		all[i] = &delivery{run: r, place: p}
		if r.message.Wait {
			all[i].wait = newWait(r.message, p)
		}
	}
	if r.message.Wait {
		r.awaitAnswers(all)
	}
	return all
}

// report passes the receipts on until the last part is done.
func (r *run) report(report func(msg.Receipt)) {
	go func() {
		r.parts.Wait()
		close(r.receipts)
	}()
	for x := range r.receipts {
		report(x)
	}
}

// deliver sorts the places by surface and reports each of them.
func (r *run) deliver(places []place, report func(msg.Receipt)) {
	var terminals []*delivery
	for _, d := range r.begin(places) {
		err, done := r.results[d.place.rdev]
		switch {
		case done && d.place.rdev != 0:
			d.shown(terminalReceipt(err), nil)
		case d.place.Kind == msg.KindDesktop, d.place.client != nil && !r.written[d.place.rdev]:
			r.parts.Go(d.inWindow)
		default:
			terminals = append(terminals, d)
		}
	}
	r.parts.Go(func() {
		r.writeTerminals(terminals, r.waiting, func(d *delivery, err error) { d.shown(terminalReceipt(err), nil) })
	})
	r.report(report)
}

// resume waits where the message has been shown before.
func (r *run) resume(places []place, report func(msg.Receipt)) {
	for _, d := range r.begin(places) {
		r.waits.shownOn(d.wait, surfaceOf(d.place), r.message.Sent)
		d.send(msg.Receipt{Outcome: msg.OutcomeAccepted, Surface: surfaceOf(d.place)})
		r.parts.Go(func() { d.send(d.outcome(nil, time.Until(r.message.Sent.Add(r.message.Timeout)))) })
	}
	r.report(report)
}

// surfaceOf names what a message is shown on, as far as the place tells.
func surfaceOf(p place) string {
	switch {
	case p.Kind == msg.KindDesktop:
		return surfaceDesktop
	case p.client != nil:
		return surfaceTmux
	}
	return surfaceTerminal
}

// send sends a receipt to whoever reports.
func (d *delivery) send(r msg.Receipt) {
	r.Message, r.Session = d.message.ID, d.place.Session
	if r.At.IsZero() {
		r.At = time.Now()
	}
	d.receipts <- r
}

// shown sends what the surface made of the message, and waits for the answer
// if there can be one. win is the window it is in, if it is in one.
func (d *delivery) shown(r msg.Receipt, win *window) {
	if d.wait == nil {
		r.Final = true
		d.send(r)
		return
	}
	if r.Outcome == msg.OutcomeAccepted && !r.Final {
		d.waits.shownOn(d.wait, r.Surface, time.Now())
		d.send(r)
		left := d.message.Timeout // on the screen, if it is in a window
		if win == nil {           // which a terminal written to late is not
			left = time.Until(d.begun.Add(left))
		}
		d.parts.Go(func() {
			end := d.outcome(win, left)
			if end.Outcome == msg.OutcomeAnswered && end.Surface == "" { // quicker than what says where it is
				end.Surface = r.Surface
			}
			d.send(end)
		})
		return
	}
	r.Final = true
	if d.waits.settle(d.wait, r) {
		d.send(r)
		return
	}
	// Somebody has answered what counts as not shown: enough of it was there.
	if d.wait.result.Outcome == msg.OutcomeAnswered {
		d.send(msg.Receipt{Outcome: msg.OutcomeAccepted, Surface: d.wait.result.Surface})
	}
	d.send(d.wait.result)
}

// inWindow shows the message in a window. A tmux that shows none, too old or
// busy with one of the user's own, leaves the terminal itself, at once and not
// after the others.
func (d *delivery) inWindow() {
	win := d.show(d.ctx, d.place, d.message)
	first := d.first(win)
	switch {
	case first.Outcome == msg.OutcomeAccepted:
		r := first.receipt()
		r.Final = first.NoAnswer
		d.shown(r, win)
	case d.place.client != nil && !d.wait.isOver():
		d.writeTerminals([]*delivery{d}, nil, func(d *delivery, err error) {
			r := terminalReceipt(err)
			if err == nil {
				r.Detail = "written over tmux: " + first.Detail
			}
			d.shown(r, nil)
		})
	default:
		d.shown(first.receipt(), nil)
	}
}

// showTimeout bounds a window that is neither shown nor refused. Helpers have
// deadlines of their own, which are shorter.
const showTimeout = 10 * time.Second

// first waits for a window to be on the screen.
func (d *delivery) first(win *window) event {
	late := time.NewTimer(showTimeout)
	defer late.Stop()
	detail := "it was not shown in time"
	select {
	case e, ok := <-win.events:
		if ok {
			return e
		}
		detail = "its helper has ended"
	case <-d.ctx.Done():
		detail = errInterrupted.Error()
	case <-d.wait.over():
		detail = "it has ended before it was shown"
	case <-late.C:
	}
	win.close()
	return event{Outcome: msg.OutcomeFailed, Surface: surfaceOf(d.place), Detail: detail}
}

// receipt is what an event says.
func (e event) receipt() msg.Receipt {
	return msg.Receipt{Outcome: e.Outcome, Answer: e.Answer, Surface: e.Surface, Detail: e.Detail, At: e.At}
}
