package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// Names of logind on the bus, see org.freedesktop.login1(5). elogind has the
// same.
const (
	logindName    = "org.freedesktop.login1"
	logindPath    = dbus.ObjectPath("/org/freedesktop/login1")
	logindList    = "org.freedesktop.login1.Manager.ListSessions"
	logindSession = "org.freedesktop.login1.Session"
	getAll        = "org.freedesktop.DBus.Properties.GetAll"
)

// logindTimeout bounds a bus or a logind that does not answer. It is far more
// than the milliseconds that they need.
const logindTimeout = 2 * time.Second

// errNoLogind says that this system has no logind, as opposed to one that is
// out of order.
var errNoLogind = errors.New("no logind here")

// logindEntry is one session as logind tells of it.
type logindEntry struct {
	id, user           string
	uid                uint32
	tty, display, seat string
	typ, class, state  string
	scope              string
	leader             int
	vt                 uint32
	active, idle       bool
	idleSince, since   time.Time
}

// maxCalls is how many calls wait for their replies. The system bus refuses more
// than 128 (max_replies_per_connection, dbus-daemon(1)).
const maxCalls = 64

// logindSessions asks logind for all sessions: one call for the list and then
// one for each session, many of which are sent before the first answer is
// awaited.
func logindSessions(ctx context.Context, address string) ([]logindEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, logindTimeout)
	defer cancel()
	conn, err := dialBus(ctx, address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()

	var list []struct {
		ID   string
		UID  uint32
		User string
		Seat string
		Path dbus.ObjectPath
	}
	manager := conn.Object(logindName, logindPath)
	err = manager.CallWithContext(ctx, logindList, dbus.FlagNoAutoStart).Store(&list)
	var refused dbus.Error
	if errors.As(err, &refused) {
		return nil, fmt.Errorf("%w: %w", errNoLogind, err) // the bus says that nobody has the name
	}
	if err != nil {
		return nil, fmt.Errorf("listing sessions of logind: %w", err)
	}
	calls := make([]*dbus.Call, len(list))
	var entries []logindEntry
	for next := 0; next < len(list)+maxCalls; next++ {
		if i := next - maxCalls; i >= 0 && i < len(list) {
			<-calls[i].Done
			var p properties
			if calls[i].Store(&p) == nil { // else it ended since it was listed
				e := p.entry()
				e.id, e.uid, e.user = list[i].ID, list[i].UID, list[i].User
				entries = append(entries, e)
			}
		}
		if next < len(list) {
			calls[next] = conn.Object(logindName, list[next].Path).GoWithContext(ctx, getAll, dbus.FlagNoAutoStart, nil, logindSession)
		}
	}
	return entries, ctx.Err()
}

// dialBus connects without looking at the environment, which would let the
// caller of a program with more rights choose the bus.
func dialBus(ctx context.Context, address string, options ...dbus.ConnOption) (*dbus.Conn, error) {
	path, isPath := strings.CutPrefix(address, "unix:path=")
	if _, err := os.Stat(path); isPath && err != nil {
		return nil, fmt.Errorf("%w: %w", errNoLogind, err)
	}
	conn, err := dbus.Dial(address, append(options, dbus.WithContext(ctx))...)
	if err != nil {
		return nil, fmt.Errorf("%w: connecting to the system bus: %w", errNoLogind, err)
	}
	if err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("greeting the system bus: %w", err)
	}
	return conn, nil
}

// properties are those of one org.freedesktop.login1.Session. One that is
// missing or of another type reads as zero.
type properties map[string]dbus.Variant

func get[T any](p properties, name string) T {
	v, _ := p[name].Value().(T)
	return v
}

// micros reads a time in microseconds since 1970; 0 is none.
func (p properties) micros(name string) time.Time {
	n := get[uint64](p, name)
	if n == 0 || n > 1<<62 {
		return time.Time{}
	}
	return time.UnixMicro(int64(n))
}

func (p properties) entry() logindEntry {
	e := logindEntry{
		tty:       get[string](p, "TTY"),
		display:   get[string](p, "Display"),
		typ:       get[string](p, "Type"),
		class:     get[string](p, "Class"),
		state:     get[string](p, "State"),
		scope:     get[string](p, "Scope"),
		leader:    int(get[uint32](p, "Leader")),
		vt:        get[uint32](p, "VTNr"),
		active:    get[bool](p, "Active"),
		idle:      get[bool](p, "IdleHint"),
		idleSince: p.micros("IdleSinceHint"),
		since:     p.micros("Timestamp"),
	}
	if seat := get[[]any](p, "Seat"); len(seat) > 0 { // (so): name and path
		e.seat, _ = seat[0].(string)
	}
	return e
}

// person reports whether somebody can be behind the session: managers,
// greeters, lock screens and background jobs have classes of their own, and a
// closing session is what its last person has left running.
func (e logindEntry) person() bool {
	if e.state == "closing" {
		return false
	}
	switch e.class {
	case "user", "user-early", "user-light", "user-early-light":
		return true
	}
	return false
}

// desktop reports whether the session is graphical.
func (e logindEntry) desktop() bool {
	return e.typ == "x11" || e.typ == "wayland" || e.typ == "mir"
}
