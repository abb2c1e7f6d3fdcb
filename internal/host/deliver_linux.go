package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"msg"
)

// run is the delivery of one message.
type run struct {
	*local
	ctx     context.Context
	message msg.Message
	frames  *frames

	// Terminals that were written to before the sessions were listed, by
	// device: written says which, results what became of those that are done,
	// waiting are those that are not taking output.
	written map[uint64]bool
	results map[uint64]error
	waiting []pending
}

func (l *local) newRun(ctx context.Context, m msg.Message) *run {
	return &run{
		local: l, ctx: ctx, message: m, frames: newFrames(m),
		written: map[uint64]bool{}, results: map[uint64]error{},
	}
}

// early writes to the terminals of utmp before anything else is asked.
//
// A message for everybody needs no list: whoever is in utmp gets it, and it is
// there as fast as wall(1) is, which asks nobody else either. The list, which
// waits for logind and reads all of /proc, is made afterwards, leaves nobody
// out who is in this one, and adds the others. Entries that a closer look
// could rule out are left to it, and so is everything while there may be a
// tmux, whose terminals must not be written to.
func (r *run) early() {
	if mayHaveTmux(r.proc.root + "/net/unix") {
		return
	}
	file, err := readUtmp(r.utmp)
	if err != nil {
		return
	}
	logins := earlyLogins{run: r, file: file, lines: map[string]bool{}}
	var done []terminalResult
	done, r.waiting = r.firstRound(file.len(), logins.terminal, time.Now().Add(takeTimeout))
	for _, x := range done {
		if x.rdev != 0 {
			r.written[x.rdev], r.results[x.rdev] = true, x.err
		}
	}
	for _, p := range r.waiting {
		r.written[p.rdev] = true
	}
}

// earlyLogins gives the writers one record of utmp after another, so that the
// first terminal is written to while the last record is not yet read.
type earlyLogins struct {
	*run
	file  utmpFile
	mu    sync.Mutex
	lines map[string]bool // seen
}

// terminal returns that of record i, unless it has to be left to a closer
// look. Whether its process lives is not asked: a terminal that is there, and
// belongs to the user, has somebody in front of it.
func (l *earlyLogins) terminal(i int) (terminal, bool) {
	e, ok := l.file.login(i)
	if !ok || e.graphical() || e.multiplexed() || !ttyName(e.line) {
		return terminal{}, false
	}
	uid, known := l.users.LocalUID(e.user)
	if !known {
		return terminal{}, false
	}
	l.mu.Lock()
	seen := l.lines[e.line]
	l.lines[e.line] = true
	l.mu.Unlock()
	return terminal{name: e.line, uid: uid}, !seen
}

// abandon ends what early has begun, when there will be no list.
func (r *run) abandon() {
	results := make(chan terminalResult, len(r.waiting))
	finish(r.ctx, r.waiting, time.Now().Add(takeTimeout), results)
}

// deliver sorts the places by surface and reports each of them once.
func (r *run) deliver(places []place, report func(place, msg.Receipt)) {
	var terminals, clients []place
	for _, p := range places {
		err, done := r.results[p.rdev]
		switch {
		case done && p.rdev != 0:
			report(p, terminalReceipt(err))
		case p.Kind == msg.KindDesktop:
			clients = append(clients, p)
		case p.client != nil && !r.written[p.rdev]:
			clients = append(clients, p)
		default:
			terminals = append(terminals, p)
		}
	}
	popups := make(chan popupResult, len(clients))
	var wg sync.WaitGroup
	for _, p := range clients {
		w := r.windows.show(r.ctx, p, r.message)
		wg.Go(func() {
			x := popupResult{place: p}
			if e := <-w.events; e.Outcome != msg.OutcomeAccepted {
				x.err = errors.New(e.Detail)
			}
			popups <- x
		})
	}
	go func() { wg.Wait(); close(popups) }()
	r.writeTerminals(terminals, r.waiting, report)
	r.fallBack(popups, report)
}

type popupResult struct {
	place place
	err   error
}

// reported is a receipt on its way to the one goroutine that reports.
type reported struct {
	place   place
	receipt msg.Receipt
}

// fallBack reports popups. A tmux that shows none, too old or busy with one of
// the user's own, leaves the terminal itself, at once and not after the others.
func (r *run) fallBack(popups <-chan popupResult, report func(place, msg.Receipt)) {
	receipts := make(chan reported)
	var wg sync.WaitGroup
	go func() {
		for x := range popups {
			wg.Go(func() { r.afterPopup(x, receipts) })
		}
		wg.Wait()
		close(receipts)
	}()
	for x := range receipts {
		report(x.place, x.receipt)
	}
}

func (r *run) afterPopup(x popupResult, receipts chan<- reported) {
	surface := map[msg.Kind]string{msg.KindTerminal: "tmux", msg.KindDesktop: "desktop"}[x.place.Kind]
	if x.err == nil {
		receipts <- reported{x.place, msg.Receipt{Outcome: msg.OutcomeAccepted, Surface: surface}}
		return
	}
	if x.place.Kind == msg.KindDesktop {
		receipts <- reported{x.place, msg.Receipt{Outcome: msg.OutcomeFailed, Surface: surface, Detail: x.err.Error()}}
		return
	}
	r.writeTerminals([]place{x.place}, nil, func(p place, receipt msg.Receipt) {
		if receipt.Outcome == msg.OutcomeAccepted {
			receipt.Detail = "written over tmux: " + x.err.Error()
		}
		receipts <- reported{p, receipt}
	})
}
