// Package daemon is the only place that decides: who may send to whom, what is
// kept for later, and what is remembered. It is a control.Service in front of
// one computer.
//
// It promises that a message is on the disk before anybody sees it, and what
// came of it before the sender hears of it; that msgd may be killed at any
// moment without losing an accepted message, or showing one twice but for
// those being drawn just then, which are marked; and that nothing of one
// account is shown to another. Start with Open.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"msg"
	"msg/internal/account"
	"msg/internal/control"
)

// Computer is what a Daemon decides in front of.
type Computer interface {
	// Sessions lists the sessions there are now. The slice is the caller's.
	Sessions(ctx context.Context) ([]msg.Session, error)

	// Deliver shows m in exactly these sessions, which are not looked for
	// anew: one that is not there any more is Gone. report is that of
	// msg.Host: one goroutine at a time, a final receipt for each, and a
	// non-final Accepted before it when m.Wait. It returns after the last.
	Deliver(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt))

	// Resume waits for the answers to m in sessions that were shown it before
	// msgd was restarted; nothing is shown. The time runs from m.Sent. report
	// is that of Deliver; the non-final Accepted says that Answer takes answers
	// from now on.
	Resume(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt))

	// Answer gives an answer to a message that waits in a session of p's own
	// account: that of a.Message in any of them, or the newest in p.Terminal.
	// The error may be msg.ErrNothing or msg.ErrButton.
	Answer(ctx context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error)

	// Changes is ready when somebody may have signed in or out.
	Changes() <-chan struct{}

	// Close lets go of what the Computer holds.
	Close() error
}

// Daemon decides. Its methods may be called from several goroutines.
type Daemon struct {
	config   Config
	computer Computer
	accounts *account.DB
	log      *slog.Logger
	host     string // of places that are not sessions yet
	journal  *journal
	meters   *meters
	rates    *rates
	noise    *rate.Limiter // of lines in the log that a user can cause at will
	waiting  *waiting
	queue    *queue
	peace    *peace
	readers  Rules         // of the whole journal
	reading  chan struct{} // searches of the journal, of which there are few at a time
	clean    chan struct{} // capacity 1: it is time for housekeeping
	resumed  chan struct{} // closed when what was unfinished goes on
	written  atomic.Int64  // bytes, since it was

	// What was not finished when msgd ended; Run goes on with it.
	left []stored

	base context.Context // ends, with errStopping, what is still on its way when Run ends
	stop context.CancelCauseFunc

	mu       sync.Mutex
	active   map[*delivery]bool // what something still has to happen for
	stopping bool
	idle     chan struct{} // closed when stopping and nothing is active
}

var _ control.Service = (*Daemon)(nil)

// errStopping ends what is on its way when msgd ends.
var errStopping = msg.ErrStopping

// maxReading is how many searches of the journal run at the same time.
const maxReading = 2

// Open opens the journal and makes a Daemon that accepts messages at once. Run
// has to be called for what was left unfinished, the queue, and housekeeping.
// The Daemon closes c; if Open fails, the caller does.
func Open(config Config, c Computer, accounts *account.DB, log *slog.Logger) (*Daemon, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("finding out the name of this computer: %v", err)
	}
	db, err := openStore(config.Journal.Path, log)
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		config: config, computer: c, accounts: accounts, log: log, host: host, meters: newMeters(),
		rates: newRates(config.Limits), waiting: newWaiting(config.Limits), queue: newQueue(config.Limits),
		noise:   rate.NewLimiter(1, 20),
		readers: Rules{{From: config.Journal.Readers, To: []string{anybody}, Allow: true}},
		reading: make(chan struct{}, maxReading), clean: make(chan struct{}, 1), resumed: make(chan struct{}),
		active: map[*delivery]bool{}, idle: make(chan struct{}),
	}
	d.base, d.stop = context.WithCancelCause(context.Background())
	d.journal = startJournal(db, log, d.meters)
	if err := d.load(); err != nil {
		return nil, errors.Join(openError(config.Journal.Path, err), d.journal.close())
	}
	d.gauges()
	return d, nil
}

// load reads what has to be in memory.
func (d *Daemon) load() (err error) {
	if d.peace, err = loadPeace(d.journal); err != nil {
		return err
	}
	return d.journal.view(func(t tables) error {
		d.left, err = t.loadUnfinished()
		return err
	})
}

// Run goes on with what was unfinished, and serves the queue and keeps the
// journal small, until ctx ends; then it finishes what is being drawn. It
// returns nil then. ctx has to end before those of the calls: a sender who is
// gone does not wait any more, but one who is cut off by the end of msgd does,
// and finds the answers in the journal.
func (d *Daemon) Run(ctx context.Context) error {
	if err := d.goOn(ctx); err != nil && ctx.Err() == nil {
		d.shutDown()
		return err
	}
	close(d.resumed)
	d.housekeeping(time.Now())
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	due := time.NewTimer(0)
	defer due.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-d.computer.Changes():
			due.Reset(d.serveQueue(ctx))
		case <-d.queue.changed:
			due.Reset(d.serveQueue(ctx))
		case <-due.C:
			due.Reset(d.serveQueue(ctx))
		case now := <-hourly.C:
			d.housekeeping(now)
		case <-d.clean:
			d.housekeeping(time.Now())
		}
	}
	d.shutDown()
	return nil
}

// drawGrace bounds what Run waits for in the end.
const drawGrace = 10 * time.Second

// shutDown lets what is being drawn be drawn, and then cuts off the rest.
func (d *Daemon) shutDown() {
	d.mu.Lock()
	d.stopping = true
	if len(d.active) == 0 {
		close(d.idle)
	}
	active := slices.Collect(maps.Keys(d.active))
	d.mu.Unlock()
	grace, cancel := context.WithTimeout(context.Background(), drawGrace)
	defer cancel()
	for _, dl := range active {
		dl.wait(grace, func() bool { return len(dl.drawing) == 0 })
	}
	d.stop(errStopping)
	d.queue.cutOff()
	<-d.idle
}

// enter adds a message to those on their way, unless msgd is being stopped.
func (d *Daemon) enter(dl *delivery) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping && !d.active[dl] {
		return false
	}
	d.active[dl] = true
	return true
}

func (d *Daemon) leave(dl *delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.active, dl)
	if d.stopping && len(d.active) == 0 {
		close(d.idle)
	}
}

func (d *Daemon) isStopping() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopping
}

// Close closes the journal and the computer. Run, and the calls, have ended.
func (d *Daemon) Close() error {
	d.stop(errStopping)
	return errors.Join(d.journal.close(), d.computer.Close())
}

// Sessions implements control.Service. Everybody may know who is signed in, as
// with who(1).
func (d *Daemon) Sessions(ctx context.Context, p msg.Principal) ([]msg.Session, error) {
	list, err := d.computer.Sessions(ctx)
	for i := range list {
		list[i].Own = p.IsAt(list[i])
	}
	return list, err
}
