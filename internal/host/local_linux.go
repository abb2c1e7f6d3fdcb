package host

import (
	"context"
	"fmt"
	"os"
	"time"

	"msg"
	"msg/internal/account"
)

// Open returns this computer. It needs no set-up and no special right; what
// the caller may not do turns up in receipts.
func Open() (*Local, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name of this computer: %w", err)
	}
	l := &Local{
		name:    name,
		proc:    procFS{root: "/proc"},
		dev:     devFS{root: "/dev"},
		utmp:    []string{"/run/utmp", "/var/run/utmp"},
		bus:     "unix:path=/run/dbus/system_bus_socket",
		seat:    "/sys/class/tty/tty0/active",
		watched: []folder{ptsFolder("/dev/pts"), devFolder("/dev"), utmpFolder("/run"), utmpFolder("/var/run")},
		users:   account.New(),
	}
	return l.ready(), nil
}

// Local is this computer, a msg.Host. The fields are where its parts are, so
// that a test can show it another world.
type Local struct {
	name    string
	proc    procFS
	dev     devFS
	utmp    []string // first that exists
	bus     string   // D-Bus address of the system bus
	seat    string   // file with the name of the virtual terminal in front
	watched []folder // where changes tell of sessions
	users   *account.DB

	windows *windows
	show    func(context.Context, place, msg.Message) *window // of windows
	waits   waits
	table   *table
}

// ready makes what the fields need.
func (l *Local) ready() *Local {
	l.windows = newWindows(l.users)
	l.show = l.windows.show
	l.waits.look = make(chan struct{}, 1)
	l.table = newTable(func(ctx context.Context) (*listing, error) {
		defer ready(l.waits.look) // what has ended without an event is found now
		return l.listNow(ctx, nil)
	})
	return l
}

// place is a session with what delivery needs to know about it.
type place struct {
	msg.Session
	tty    string // name below /dev, empty if it has none
	rdev   uint64 // device number of tty
	uid    uint32
	leader int // process that logind calls the leader, 0 if unknown
	scope  string
	client *tmuxClient // what runs in the foreground, if it is tmux

	display string // of X, as logind or utmp has it; empty if it has none

	holders   []holder  // the session lasts as long as one of them, if any are known
	idleSince time.Time // of a desktop; zero if unknown
}

// Sessions lists who is signed in.
func (l *Local) Sessions(ctx context.Context) ([]msg.Session, error) {
	if x, quiet := l.table.quiet(); quiet {
		if sessions, ok := l.sessionsNow(x); ok {
			return sessions, nil
		}
	}
	x, err := l.table.anew(ctx)
	if err != nil {
		return nil, err
	}
	return sessionsOf(x.places), nil
}

func sessionsOf(places []place) []msg.Session {
	sessions := make([]msg.Session, len(places))
	for i, p := range places {
		sessions[i] = p.Session
	}
	return sessions
}

// Close lets the helpers go. Windows that nobody waits for stay up.
func (l *Local) Close() error { return l.windows.close() }

// Send shows m in the sessions that t means.
func (l *Local) Send(ctx context.Context, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	if err := m.Check(); err != nil {
		return err
	}
	r := l.newRun(ctx, m)
	if t.All() && !m.Wait && !l.table.isKept() {
		r.early()
	}
	places, err := r.places()
	if err != nil {
		r.abandon()
		return err
	}
	matched, missing := t.Resolve(sessionsOf(places))
	r.deliver(pick(places, matched), report)
	return msg.MissingError(missing)
}

// pick finds the places of the sessions that were matched.
func pick(places []place, matched []msg.Session) []place {
	byID := make(map[string]bool, len(matched))
	for _, s := range matched {
		byID[s.ID] = true
	}
	var out []place
	for _, p := range places {
		if byID[p.ID] {
			out = append(out, p)
		}
	}
	return out
}

// Deliver shows m in exactly these sessions, which Sessions has listed. It
// reports as Send does: the last receipt of each is final, and if m waits the
// first of those that are shown it is an Accepted that is not. A session that
// is not there any more is Gone.
func (l *Local) Deliver(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	r := l.newRun(ctx, m)
	places, ok := r.find(to, report)
	if ok {
		r.deliver(places, report)
	}
}

// Resume waits for the answers to m in sessions that were shown it before this
// process began. Nothing is shown again; the time runs from when m was sent,
// which is to be when it was shown.
// Only Answer can answer then. A window that has outlived the process that asked
// for it is answered in that way as well, see RunHelper.
func (l *Local) Resume(ctx context.Context, to []msg.Session, m msg.Message, report func(msg.Receipt)) {
	r := l.newRun(ctx, m)
	places, ok := r.find(to, report)
	if ok {
		r.resume(places, report)
	}
}

// Changes is ready when the table that Keep keeps has changed since it was
// received from last. There is one channel for one reader.
func (l *Local) Changes() <-chan struct{} { return l.table.changes }
