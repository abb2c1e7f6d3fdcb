//go:build darwin || linux

package host

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"msg"
)

// Send shows m in the sessions that t means.
func (m *mac) Send(ctx context.Context, t msg.Target, message msg.Message, report func(msg.Receipt)) error {
	if err := message.Check(); err != nil {
		return err
	}
	places, err := m.places(ctx)
	if err != nil {
		return err
	}
	matched, missing := t.Resolve(macSessions(places))
	found, _ := macFind(places, matched)
	m.newRun(ctx, message, found).deliver(report)
	return msg.MissingError(missing)
}

// Deliver shows m in exactly these sessions, which Sessions has listed. One that
// is not there any more is Gone.
func (m *mac) Deliver(ctx context.Context, to []msg.Session, message msg.Message, report func(msg.Receipt)) {
	refuse := func(sessions []msg.Session, o msg.Outcome, why error) {
		for _, s := range sessions {
			report(msg.Receipt{Message: message.ID, Session: s, Outcome: o, Detail: why.Error(), At: time.Now(), Final: true})
		}
	}
	if err := message.Check(); err != nil {
		refuse(to, msg.OutcomeFailed, err)
		return
	}
	places, err := m.places(ctx)
	if err != nil {
		refuse(to, msg.OutcomeFailed, err)
		return
	}
	found, gone := macFind(places, to)
	refuse(gone, msg.OutcomeGone, errEnded)
	m.newRun(ctx, message, found).deliver(report)
}

// macFind finds the places of sessions. One of a later sign-in is another.
func macFind(places []macPlace, sessions []msg.Session) (found []macPlace, gone []msg.Session) {
	for _, s := range sessions {
		i := slices.IndexFunc(places, func(p macPlace) bool {
			return p.ID == s.ID && p.Account == s.Account && (p.Source != s.Source || p.Since.Equal(s.Since))
		})
		if i < 0 {
			gone = append(gone, s)
			continue
		}
		found = append(found, places[i])
	}
	return found, gone
}

// macRun is the delivery of one message.
type macRun struct {
	*mac
	ctx      context.Context
	message  msg.Message
	frames   *frames
	places   []macPlace
	answers  map[string]*macAnswer // of desktops, by account
	receipts chan msg.Receipt
}

// macAnswer is what somebody's dialog has come to. A terminal of a Mac has no
// way to answer, because nothing there proves who asks: one person has answered
// when the dialog says so, and the terminals of that person wait for it.
type macAnswer struct {
	ended   chan struct{} // closed when receipt is there
	receipt msg.Receipt
}

func (m *mac) newRun(ctx context.Context, message msg.Message, places []macPlace) *macRun {
	plain := message
	plain.Wait = false // the block would say how to answer
	r := &macRun{mac: m, ctx: ctx, message: message, frames: newFrames(plain), places: places,
		answers: map[string]*macAnswer{}, receipts: make(chan msg.Receipt, 2*len(places))}
	for _, p := range places {
		if p.Kind == msg.KindDesktop {
			r.answers[p.Account] = &macAnswer{ended: make(chan struct{})}
		}
	}
	return r
}

// deliver shows the message everywhere side by side and reports.
func (r *macRun) deliver(report func(msg.Receipt)) {
	var parts sync.WaitGroup
	for _, p := range r.places {
		show := r.inTerminal
		if p.Kind == msg.KindDesktop {
			show = r.onDesktop
		}
		parts.Go(func() { show(p) })
	}
	go func() {
		parts.Wait()
		close(r.receipts)
	}()
	for x := range r.receipts {
		report(x)
	}
}

// send sends a receipt to whoever reports.
func (r *macRun) send(p macPlace, x msg.Receipt, final bool) msg.Receipt {
	x.Message, x.Session, x.Final, x.At = r.message.ID, p.Session, final, time.Now()
	r.receipts <- x
	return x
}

// inTerminal writes to a terminal.
func (r *macRun) inTerminal(p macPlace) {
	x := terminalReceipt(r.write(p))
	if x.Outcome != msg.OutcomeAccepted || !r.message.Wait {
		r.send(p, x, true)
		return
	}
	r.send(p, x, false)
	end := r.outcome(p)
	end.Surface = surfaceTerminal
	r.send(p, end, true)
}

// write writes to one terminal and waits no longer than it may take: its owner
// can hold up whoever opens or closes it.
func (r *macRun) write(p macPlace) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	result := make(chan error, 1)
	go func() { result <- r.writeNow(p) }()
	late := time.NewTimer(2 * takeTimeout)
	defer late.Stop()
	select {
	case err := <-result:
		return err
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-late.C:
		return errStuck
	}
}

// writeNow makes one write that cannot block, and further ones as long as the
// terminal says in time that it takes more.
func (r *macRun) writeNow(p macPlace) error {
	o, err := openTerminal(filepath.Join(r.dev, p.Name), p.rdev, p.uid)
	if err != nil {
		return err
	}
	defer letGo(o.fd)
	rest := pending{rdev: o.rdev, fd: o.fd, rest: r.frames.forColumns(o.columns)}
	for deadline := time.Now().Add(takeTimeout); ; {
		if err := rest.write(); err != nil || len(rest.rest) == 0 {
			return err
		}
		left := time.Until(deadline)
		if left <= 0 || r.ctx.Err() != nil {
			return cmp.Or(r.ctx.Err(), errStuck)
		}
		fds := []unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLOUT}}
		if _, err := unix.Poll(fds, int(left/time.Millisecond)+1); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if len(rest.rest) > 0 && fds[0].Revents != 0 {
			time.Sleep(min(left, 5*time.Millisecond)) // ready, but perhaps it takes nothing
		}
	}
}

// macNoAnswer is what a terminal comes to where its user has no desktop.
const macNoAnswer = "it was shown, but on a Mac only the desktop can answer, and the user has none"

// macLook is how often a session that is waited for is looked at.
const macLook = time.Second

// outcome waits until a message that waits in a terminal has come to something:
// the person has answered on the desktop, the session or the time is over.
func (r *macRun) outcome(p macPlace) msg.Receipt {
	answer := r.answers[p.Account]
	if answer == nil {
		return msg.Receipt{Outcome: msg.OutcomeExpired, Detail: macNoAnswer}
	}
	look := time.NewTicker(macLook)
	defer look.Stop()
	for {
		select {
		case <-answer.ended: // by its time as well
			return answer.elsewhere()
		case <-r.ctx.Done():
			return msg.Receipt{Outcome: msg.OutcomeFailed, Detail: errInterrupted.Error()}
		case <-look.C:
			if err := r.gone(p); err != nil {
				return msg.Receipt{Outcome: msg.OutcomeGone, Detail: err.Error()}
			}
		}
	}
}

// elsewhere is what the end of a dialog means for a terminal of the same person.
func (a *macAnswer) elsewhere() msg.Receipt {
	switch a.receipt.Outcome {
	case msg.OutcomeAnswered, msg.OutcomeDismissed, msg.OutcomeExpired:
		return msg.Receipt{Outcome: a.receipt.Outcome, Answer: a.receipt.Answer, Detail: "on the desktop"}
	}
	return msg.Receipt{Outcome: msg.OutcomeExpired, Detail: "it was shown, but the desktop cannot answer: " + a.receipt.Detail}
}
