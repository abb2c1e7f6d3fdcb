package host

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"msg"
	"msg/internal/account"
)

// How long helpers may take. They say themselves what took too long; one that
// does not even do that in the time of grace is ended.
const (
	tmuxTimeout    = 2500 * time.Millisecond // to have a popup on the screen
	desktopTimeout = 8 * time.Second         // a service that hangs, and then a dialog with cold fonts
	helperGrace    = 500 * time.Millisecond
	helperIdle     = 10 * time.Second // without a window it is let go
)

// Limits on helpers.
const (
	maxHelpers  = 512 // users with windows at the same time
	maxStarting = 16  // are started at the same time
	maxEnding   = 4   // of one user: let go, but not ended yet
	maxWindows  = 128 // of one user
)

// windows shows messages in places that are touched only with their user's own
// rights: clients of tmux, and desktops. Each user has one helper process.
type windows struct {
	users   *account.DB
	desktop desktopRequest // where things are; Runtime has a folder for each user ID
	idle    time.Duration
	within  map[string]time.Duration // by surface
	command func(account.Account) (*exec.Cmd, error)
	starts  chan struct{}

	mu      sync.Mutex
	closed  bool
	helpers map[uint32]*helper
	running map[uint32]int // processes that have not ended
	reaping sync.WaitGroup
}

func newWindows(users *account.DB) *windows {
	return &windows{
		users:   users,
		desktop: desktopRequest{Proc: "/proc", X11: "/tmp/.X11-unix", Runtime: "/run/user"},
		idle:    helperIdle,
		within:  map[string]time.Duration{surfaceTmux: tmuxTimeout, surfaceDesktop: desktopTimeout},
		command: helperCommand,
		starts:  make(chan struct{}, maxStarting),
		helpers: map[uint32]*helper{},
		running: map[uint32]int{},
	}
}

// Errors of a window that are about this process.
var (
	errLetGo     = errors.New("nobody waits for the answer any more")
	errTaken     = errors.New("taken off the screen")
	errSilent    = errors.New("the helper does not answer")
	errManyUsers = errors.New("too many users have windows at this moment")
)

// event is what became of a window.
type event struct {
	Outcome                 msg.Outcome
	Answer, Surface, Detail string
	At                      time.Time
	NoAnswer                bool // with OutcomeAccepted of a message that waits: this surface has no way to answer
}

// window is one message on one place. The first of its events is
// OutcomeAccepted, when it is on the screen, or OutcomeFailed. If the message
// waits, and the surface has a way to answer, a second one says how it ended.
// The channel is closed after the last.
type window struct {
	events <-chan event
	off    func()
}

// close takes the window off the screen, if the surface can. When it returns
// the helper has been told, so that this process may end.
func (x *window) close() { x.off() }

// show shows m on p; it does not block. The end of ctx takes the window off the
// screen as long as an event is to come.
func (w *windows) show(ctx context.Context, p place, m msg.Message) *window {
	events := make(chan event, 2) // nobody has to read them
	x := &showing{surface: surfaceOf(p), closing: make(chan struct{}), done: make(chan struct{})}
	r := request{Notice: newNotice(m), Within: w.within[x.surface]}
	if x.surface == surfaceTmux {
		r.Tmux = &tmuxRequest{PID: p.client.pid, TTY: p.tty}
	} else {
		d := w.desktop
		d.Runtime = filepath.Join(d.Runtime, strconv.FormatUint(uint64(p.uid), 10))
		d.Display, d.Scope = p.display, p.scope
		r.Desktop = &d
	}
	go x.run(ctx, w, p.uid, r, events)
	return &window{events, x.end}
}

// showing is a window as long as there is something to do about it.
type showing struct {
	surface string
	once    sync.Once
	closing chan struct{}
	done    chan struct{} // closed when nothing is left to do
}

// end ends it, and waits until the helper has been told.
func (x *showing) end() {
	x.once.Do(func() { close(x.closing) })
	late := time.NewTimer(writeTimeout)
	defer late.Stop()
	select {
	case <-x.done:
	case <-late.C:
	}
}

// run is the life of a window on this side.
func (x *showing) run(ctx context.Context, w *windows, uid uint32, r request, events chan<- event) {
	defer close(x.done)
	tell := func(e event) {
		e.Surface, e.At = x.surface, time.Now()
		events <- e
	}
	remote, err := w.open(uid, r)
	if err != nil {
		tell(event{Outcome: msg.OutcomeFailed, Detail: shorten(err.Error())})
		close(events)
		return
	}
	e := x.first(ctx, remote, r.Within+helperGrace)
	tell(e)
	if e.Outcome == msg.OutcomeAccepted && r.Notice.Wait && !e.NoAnswer {
		tell(x.last(ctx, remote, r.Notice.Timeout))
	}
	close(events)
	select { // what is still on the screen can be taken off it
	case <-x.closing:
		if !stopping(ctx) {
			remote.takeDown()
		}
	case <-remote.ended:
	}
}

// stopping reports whether ctx has ended because this program ends. Then the
// windows stay: their helpers give the answers to the one that comes next.
func stopping(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), msg.ErrStopping)
}

// first waits for the first event.
func (x *showing) first(ctx context.Context, r *remote, limit time.Duration) event {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case reply, ok := <-r.replies:
		return r.event(reply, ok)
	case <-late.C:
		r.helper.giveUp(errSilent)
		return event{Outcome: msg.OutcomeFailed, Detail: errSilent.Error()}
	case <-x.closing:
		return r.cancel(errTaken)
	case <-ctx.Done():
		return r.cancel(errInterrupted)
	}
}

// last waits for the second event. That the time is over the helper says
// itself; a helper that does not is not waited for.
func (x *showing) last(ctx context.Context, r *remote, timeout time.Duration) event {
	var over <-chan time.Time
	if timeout > 0 {
		t := time.NewTimer(timeout + helperGrace)
		defer t.Stop()
		over = t.C
	}
	why := errInterrupted
	select {
	case reply, ok := <-r.replies:
		return r.event(reply, ok)
	case <-over:
		r.takeDown()
		return event{Outcome: msg.OutcomeExpired}
	case <-x.closing:
		why = errTaken
	case <-ctx.Done():
	}
	if stopping(ctx) {
		return event{Outcome: msg.OutcomeFailed, Detail: msg.ErrStopping.Error()}
	}
	return r.cancel(why)
}

// remote is a window as the helper has it.
type remote struct {
	helper   *helper
	id       uint64
	buttons  []string
	replies  chan reply // closed after the last
	ended    chan struct{}
	accepted bool // guarded by the helper
}

// expects reports whether a helper can say that now: first that the window is
// on the screen, or why not, then how it ended, with one of its buttons.
func (r *remote) expects(x reply) bool {
	first := x.Outcome == msg.OutcomeAccepted || x.Outcome == msg.OutcomeFailed
	last := x.Outcome != msg.OutcomeAccepted
	return (x.Answer == "" || slices.Contains(r.buttons, x.Answer)) && (r.accepted && last || !r.accepted && first)
}

// event is what the helper said, or that it ended without saying it.
func (r *remote) event(x reply, ok bool) event {
	if !ok {
		return event{Outcome: msg.OutcomeFailed, Detail: shorten(r.helper.why().Error())}
	}
	return event{Outcome: x.Outcome, Answer: x.Answer, Detail: x.Detail, NoAnswer: x.NoAnswer}
}

// cancel takes the window off the screen before it has ended.
func (r *remote) cancel(why error) event {
	r.takeDown()
	return event{Outcome: msg.OutcomeFailed, Detail: why.Error()}
}

func (r *remote) takeDown() { r.helper.send(request{ID: r.id, Close: true}) }

// open asks the helper of a user, which it starts if need be, for a window.
func (w *windows) open(uid uint32, r request) (*remote, error) {
	for {
		h, err := w.helperOf(uid)
		if err != nil {
			return nil, err
		}
		h.once.Do(func() { h.start(w) })
		remote, err := h.open(r)
		if errors.Is(err, errIdle) {
			continue // it was let go at this very moment
		}
		return remote, err
	}
}

// helperOf returns the helper of a user, which may not have been started yet.
func (w *windows) helperOf(uid uint32) (*helper, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.helpers[uid]
	switch {
	case w.closed:
		return nil, errLetGo
	case h != nil:
		return h, nil
	case len(w.helpers) >= maxHelpers:
		return nil, errManyUsers
	case w.running[uid] >= maxEnding:
		return nil, fmt.Errorf("%d helpers of user %d do not end", w.running[uid], uid)
	}
	h = &helper{uid: uid, idleFor: w.idle, live: map[uint64]*remote{}}
	h.forget = func() { w.forget(h) }
	w.helpers[uid] = h
	return h, nil
}

// forget makes the next window have another helper.
func (w *windows) forget(h *helper) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.helpers[h.uid] == h {
		delete(w.helpers, h.uid)
	}
}

// ran counts the processes of a user.
func (w *windows) ran(uid uint32, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running[uid] += n; w.running[uid] == 0 {
		delete(w.running, uid)
	}
}

// close lets the helpers go. What they have on the screen stays there, and an
// answer to it goes where RunHelper was told to take it.
func (w *windows) close() error {
	w.mu.Lock()
	w.closed = true
	helpers := w.helpers
	w.helpers = map[uint32]*helper{}
	w.mu.Unlock()
	for _, h := range helpers {
		h.letGo(errLetGo)
	}
	return nil
}
