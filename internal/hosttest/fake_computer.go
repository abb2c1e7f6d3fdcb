package hosttest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"msg"
)

// wait is a message that waits for an answer in one session.
type wait struct {
	session msg.Session
	message msg.Message
	ended   chan msg.Receipt // capacity 1; whoever takes the wait off the list fills it
}

// Deliver shows m in these sessions and waits for what the people there do.
func (f *Fake) Deliver(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	each(to, report, func(s msg.Session, receipts chan<- msg.Receipt) { f.serve(ctx, s, m, receipts) })
}

// Resume waits for the answers to a message that was shown when it was sent.
func (f *Fake) Resume(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	each(to, report, func(s msg.Session, receipts chan<- msg.Receipt) {
		w := f.begin(s, m)
		receipts <- msg.Receipt{Message: m.ID, Session: s, Outcome: msg.OutcomeAccepted, Surface: "fake", At: time.Now()}
		receipts <- f.outcome(ctx, w, f.person(s), time.Until(m.Sent.Add(m.Timeout)))
	})
}

// each serves the sessions side by side and reports on one goroutine.
func each(to []msg.Session, report func(msg.Receipt), serve func(msg.Session, chan<- msg.Receipt)) {
	receipts := make(chan msg.Receipt)
	var wg sync.WaitGroup
	for _, s := range to {
		wg.Go(func() { serve(s, receipts) })
	}
	go func() {
		wg.Wait()
		close(receipts)
	}()
	for r := range receipts {
		report(r)
	}
}

func (f *Fake) begin(s msg.Session, m msg.Message) *wait {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &wait{session: s, message: m, ended: make(chan msg.Receipt, 1)}
	f.waits = append(f.waits, w)
	if f.seat(s.ID) < 0 {
		f.endLocked(w, msg.OutcomeGone, "", "session ended")
	}
	return w
}

// outcome waits until the person, the clock or the sender ends it; left is the
// time there is, if the message has a time-out.
func (f *Fake) outcome(ctx context.Context, w *wait, p Person, left time.Duration) msg.Receipt {
	expired := (<-chan time.Time)(nil)
	if w.message.Timeout > 0 {
		expired = time.After(left)
	}
	if p.Does.Bad() {
		f.end(w, p.Does, "", p.Detail)
	}
	select {
	case r := <-w.ended:
		return r
	case <-p.answers():
		f.end(w, p.Does, p.Answer, "")
	case <-expired:
		f.end(w, msg.OutcomeExpired, "", "")
	case <-ctx.Done():
		f.end(w, msg.OutcomeFailed, "", "interrupted")
	}
	return <-w.ended
}

// end ends a wait, unless something else has.
func (f *Fake) end(w *wait, o msg.Outcome, answer, detail string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endLocked(w, o, answer, detail)
}

func (f *Fake) endLocked(w *wait, o msg.Outcome, answer, detail string) msg.Receipt {
	r := msg.Receipt{Message: w.message.ID, Session: w.session, Outcome: o, Answer: answer, Surface: "fake", Detail: detail, At: time.Now(), Final: true}
	if i := slices.Index(f.waits, w); i >= 0 {
		f.waits = slices.Delete(f.waits, i, i+1)
		w.ended <- r
	}
	return r
}

// Answer answers for p: the message that a names in any session of p's, else
// the newest in p's terminal.
func (f *Fake) Answer(_ context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range slices.Backward(f.waits) {
		here := a.Message == "" && p.IsAt(w.session)
		if !p.Owns(w.session) || !here && !msg.IsID(a.Message, w.message.ID) {
			continue
		}
		label, ok := w.message.Buttons.Label(a.Button)
		if !ok {
			return msg.Receipt{}, fmt.Errorf("%w: %q", msg.ErrButton, a.Button)
		}
		return f.endLocked(w, msg.OutcomeAnswered, label, ""), nil
	}
	return msg.Receipt{}, msg.ErrNothing
}

// Changes is ready when somebody has arrived or left.
func (f *Fake) Changes() <-chan struct{} { return f.changes }

// Arrive signs somebody in, or several people at one moment.
func (f *Fake) Arrive(people ...Person) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.people = append(f.people, people...)
	f.change()
}

// Leave signs out whoever sits in a session; what waits there is over.
func (f *Fake) Leave(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.seat(id); i >= 0 {
		f.people = slices.Delete(f.people, i, i+1)
	}
	for _, w := range slices.Clone(f.waits) {
		if w.session.ID == id {
			f.endLocked(w, msg.OutcomeGone, "", "session ended")
		}
	}
	f.change()
}

func (f *Fake) change() {
	select {
	case f.changes <- struct{}{}:
	default: // it is ready already
	}
}

// Waiting is how many sessions are waited for.
func (f *Fake) Waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waits)
}
