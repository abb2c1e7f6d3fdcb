package stations

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"msg"
	"msg/internal/wts"
)

// pressed is what came of a box.
type pressed struct {
	response wts.Response
	err      error
	instead  string // why it was shown without Terminal Services, if it was
}

// open opens the box in a session and returns at once. There may be two
// results: that it is open in another way than was meant, and what came of it.
func (b *boxes) open(ctx context.Context, x msg.Session) <-chan pressed {
	results := make(chan pressed, 2)
	b.calls.begin()
	go func() {
		defer func() { <-b.Slots }()
		response, err := b.call(ctx, x)
		if err == nil || !x.Own || b.Show == nil || hasEnded(err) {
			results <- pressed{response: response, err: err}
			return
		}
		b.openHere(err, results)
	}()
	return results
}

// call ends before its result is known, see within.
func (b *boxes) call(ctx context.Context, x msg.Session) (wts.Response, error) {
	defer b.calls.end()
	id, err := strconv.ParseUint(x.ID, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not the ID of a session", x.ID)
	}
	return b.Services.Send(ctx, uint32(id), b.box, b.message.Wait)
}

// openHere shows the box in the session of this process, which nobody has to
// allow.
func (b *boxes) openHere(why error, results chan<- pressed) {
	instead := "shown by msg itself, because Windows does not: " + sendDetail(why, unitsOf(b.box.Text))
	ctx := b.ctx
	if !b.message.Wait {
		ctx = context.WithoutCancel(ctx) // the box outlives the command
	}
	response, err := b.Show(ctx, b.box, func() { results <- pressed{instead: instead} })
	if err != nil {
		err = fmt.Errorf("%s; and then: %v", sendDetail(why, unitsOf(b.box.Text)), err)
	}
	results <- pressed{response: response, err: err}
}

// refusedWithin is how long it takes at most until a box is refused. Windows
// does not tell when one is on the screen.
const refusedWithin = 300 * time.Millisecond

// tell shows a message that does not wait.
func (b *boxes) tell(x msg.Session) {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel() // a call that is left behind, where it can be ended
	results := b.open(ctx, x)
	late := time.NewTimer(boxTimeLimit)
	defer late.Stop()
	instead := ""
	for {
		select {
		case p := <-results:
			switch {
			case p.err != nil:
				b.end(x, nil, b.failure(p.err))
				return
			case p.instead == "":
				b.accepted(x, instead, true)
				return
			}
			instead = p.instead
			late.Reset(refusedWithin)
		case <-b.ctx.Done():
			b.end(x, nil, msg.Receipt{Outcome: msg.OutcomeFailed, Detail: errInterrupted.Error()})
			return
		case <-late.C:
			if instead != "" {
				b.accepted(x, instead, true)
			} else {
				b.end(x, nil, msg.Receipt{Outcome: msg.OutcomeFailed, Detail: errNotTaken.Error()})
			}
			return
		}
	}
}

// ask shows a message that waits, and waits.
func (b *boxes) ask(x msg.Session, w *wait) {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel() // a call that is left behind, where it can be ended
	results := b.open(ctx, x)
	open := time.NewTimer(refusedWithin)
	defer open.Stop()
	instead := ""
	for {
		select {
		case p := <-results:
			switch {
			case p.instead != "":
				instead = p.instead
				continue
			case p.err == nil:
				b.accepted(x, instead, false)
			}
			b.end(x, w, b.result(p))
			return
		case <-b.ctx.Done():
			b.end(x, w, msg.Receipt{Outcome: msg.OutcomeFailed, Detail: errInterrupted.Error()})
			return
		case r := <-w.ended:
			b.accepted(x, instead, false)
			b.receipts <- r
			return
		case <-open.C:
			b.accepted(x, instead, false)
			b.outcome(w, results, b.message.Timeout)
			return
		}
	}
}

// boxGrace is what a box gets beyond its time-out to say itself how it ended.
const boxGrace = 5 * time.Second

// outcome waits until the wait has ended, for left and a little more at most
// unless the message stays until it is answered.
func (b *boxes) outcome(w *wait, results <-chan pressed, left time.Duration) {
	var expired <-chan time.Time
	if b.message.Timeout > 0 {
		timer := time.NewTimer(max(0, left) + boxGrace)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		select {
		case r := <-w.ended:
			b.receipts <- r
			return
		case p := <-results:
			if p.instead == "" {
				b.end(w.session, w, b.result(p))
				return
			}
		case <-expired:
			b.end(w.session, w, msg.Receipt{Outcome: msg.OutcomeExpired})
			return
		case <-b.ctx.Done():
			b.end(w.session, w, msg.Receipt{Outcome: msg.OutcomeFailed, Detail: errInterrupted.Error()})
			return
		}
	}
}

// failure is what a call has come to that has failed. The end of the context may
// be told by the call first.
func (b *boxes) failure(err error) msg.Receipt {
	switch {
	case hasEnded(err):
		return msg.Receipt{Outcome: msg.OutcomeGone, Detail: errStationEnded.Error()}
	case b.ctx.Err() != nil:
		err = errInterrupted
	}
	return msg.Receipt{Outcome: msg.OutcomeFailed, Detail: sendDetail(err, unitsOf(b.box.Text))}
}

// result is what a box has come to that was waited for.
func (b *boxes) result(p pressed) msg.Receipt {
	if p.err != nil {
		return b.failure(p.err)
	}
	if label, ok := buttonLabels[p.response]; ok {
		if label, ok = b.message.Buttons.Label(label); ok {
			return msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: label}
		}
	}
	switch p.response {
	case wts.ResponseCancel: // Escape, or the cross: there is no such button
		return msg.Receipt{Outcome: msg.OutcomeDismissed}
	case wts.ResponseTimeout:
		return msg.Receipt{Outcome: msg.OutcomeExpired}
	case wts.ResponseAsync:
		return msg.Receipt{Outcome: msg.OutcomeAccepted, Detail: errNoAnswer.Error()}
	}
	return msg.Receipt{Outcome: msg.OutcomeFailed, Detail: fmt.Sprintf("the box was closed with %d, which is none of its buttons", p.response)}
}

var errNoAnswer = errors.New("the answer is not waited for by Windows")

var buttonLabels = map[wts.Response]string{
	wts.ResponseOK: msg.LabelOK, wts.ResponseCancel: msg.LabelCancel, wts.ResponseRetry: msg.LabelRetry,
	wts.ResponseYes: msg.LabelYes, wts.ResponseNo: msg.LabelNo,
}
