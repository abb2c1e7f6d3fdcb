package host

import (
	"context"
	"fmt"
	"msg/internal/account"
	"os"
	"time"

	"msg"
)

// Open returns this computer. It needs no set-up and no special right; what
// the caller may not do turns up in receipts.
func Open() (msg.Host, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name of this computer: %w", err)
	}
	users := account.New()
	return &local{
		name:  name,
		proc:  procFS{root: "/proc"},
		dev:   devFS{root: "/dev"},
		utmp:  []string{"/run/utmp", "/var/run/utmp"},
		bus:   "unix:path=/run/dbus/system_bus_socket",
		seat:  "/sys/class/tty/tty0/active",
		users: users,

		windows: newWindows(users),
	}, nil
}

// local is this computer. The fields are where its parts are, so that a test
// can show it another world.
type local struct {
	name  string
	proc  procFS
	dev   devFS
	utmp  []string // first that exists
	bus   string   // D-Bus address of the system bus
	seat  string   // file with the name of the virtual terminal in front
	users *account.DB

	windows *windows
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
}

// Sessions lists who is signed in.
func (l *local) Sessions(ctx context.Context) ([]msg.Session, error) {
	places, err := l.places(ctx, nil)
	if err != nil {
		return nil, err
	}
	return sessionsOf(places), nil
}

func sessionsOf(places []place) []msg.Session {
	sessions := make([]msg.Session, len(places))
	for i, p := range places {
		sessions[i] = p.Session
	}
	return sessions
}

// Close lets the helpers go.
func (l *local) Close() error { return l.windows.close() }

// errNoAnswers is why Send refuses a message that waits: the terminal has no
// way to answer yet.
const errNoAnswers = msg.UnsupportedError("waiting for answers (/w, /buttons) needs msgd, which this version does not have; nothing was sent")

// Send shows m in the sessions that t means.
func (l *local) Send(ctx context.Context, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	if err := m.Check(); err != nil {
		return err
	}
	if m.Wait {
		return errNoAnswers
	}
	run := l.newRun(ctx, m)
	if t.All() {
		run.early()
	}
	places, err := l.places(ctx, run.written)
	if err != nil {
		run.abandon()
		return err
	}
	matched, missing := t.Resolve(sessionsOf(places))
	run.deliver(pick(places, matched), func(p place, r msg.Receipt) {
		r.Message, r.Session, r.At, r.Final = m.ID, p.Session, time.Now(), true
		report(r)
	})
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
