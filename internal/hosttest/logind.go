package hosttest

import (
	"bufio"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// Bus starts a private message bus and returns its address. Tests that need
// it are skipped where there is no dbus-daemon.
func Bus(t testing.TB) string {
	t.Helper()
	address, _ := startBus(t, "--session")
	return address
}

// BusAt starts a private message bus at that path. stop ends it, as when a
// computer's bus is restarted; it may be called more than once.
func BusAt(t testing.TB, path string) (address string, stop func()) {
	t.Helper()
	return startBus(t, "--session", "--address=unix:path="+path)
}

func startBus(t testing.TB, options ...string) (address string, stop func()) {
	t.Helper()
	path, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("no dbus-daemon (Debian: apt install dbus)")
	}
	cmd := exec.Command(path, append(options, "--nofork", "--nopidfile", "--print-address=1")...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("dbus-daemon printed no address: %v", err)
	}
	address, _, _ = strings.Cut(strings.TrimSpace(line), ",") // without the guid
	return address, stop
}

// LogindSession is one session of a fake logind.
type LogindSession struct {
	ID, User                  string
	UID, Leader, VT           uint32
	TTY, Display, Seat        string
	Type, Class, State, Scope string
	Active, IdleHint          bool
	Since, IdleSince          time.Time
	Broken                    bool // listed, but gone when it is asked
}

// path is the object of the session.
func (s LogindSession) path() dbus.ObjectPath {
	return dbus.ObjectPath("/org/freedesktop/login1/session/_3" + s.ID)
}

// FakeLogind is a logind with the sessions that a test gives it.
type FakeLogind struct {
	t    testing.TB
	conn *dbus.Conn

	mu       sync.Mutex
	sessions []LogindSession
	lists    int
}

// Names of logind on the bus.
const (
	logindName    = "org.freedesktop.login1"
	logindPath    = dbus.ObjectPath("/org/freedesktop/login1")
	logindManager = logindName + ".Manager"
	logindSession = logindName + ".Session"
	busProperties = "org.freedesktop.DBus.Properties"
)

// Logind offers sessions on a bus as org.freedesktop.login1 does, until the
// test ends.
func Logind(t testing.TB, address string, sessions ...LogindSession) *FakeLogind {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	f := &FakeLogind{t: t, conn: conn, sessions: sessions}
	t.Cleanup(f.Stop)
	export(t, conn, manager{f}, logindPath, logindManager)
	for _, s := range sessions {
		f.export(s)
	}
	if _, err := conn.RequestName(logindName, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return f
}

// Stop takes it off the bus, as when the service is stopped.
func (f *FakeLogind) Stop() { _ = f.conn.Close() }

// Add adds a session and says so to everybody, in this order.
func (f *FakeLogind) Add(s LogindSession) {
	f.t.Helper()
	f.mu.Lock()
	f.sessions = append(f.sessions, s)
	f.mu.Unlock()
	f.export(s)
	f.emit(logindPath, logindManager+".SessionNew", s.ID, s.path())
}

// Remove takes a session away and says so.
func (f *FakeLogind) Remove(id string) {
	f.t.Helper()
	f.mu.Lock()
	f.sessions = slices.DeleteFunc(f.sessions, func(s LogindSession) bool { return s.ID == id })
	f.mu.Unlock()
	f.emit(logindPath, logindManager+".SessionRemoved", id, LogindSession{ID: id}.path())
}

// Change gives the session with the ID of s the properties of s, and says so.
func (f *FakeLogind) Change(s LogindSession) {
	f.t.Helper()
	f.mu.Lock()
	for i := range f.sessions {
		if f.sessions[i].ID == s.ID {
			f.sessions[i] = s
		}
	}
	f.mu.Unlock()
	f.emit(s.path(), busProperties+".PropertiesChanged", logindSession, map[string]dbus.Variant{}, []string{"Active", "State"})
}

// Lists is how often the sessions were listed.
func (f *FakeLogind) Lists() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lists
}

func (f *FakeLogind) emit(path dbus.ObjectPath, signal string, values ...any) {
	f.t.Helper()
	if err := f.conn.Emit(path, signal, values...); err != nil {
		f.t.Fatal(err)
	}
}

func (f *FakeLogind) export(s LogindSession) {
	f.t.Helper()
	if !s.Broken {
		export(f.t, f.conn, sessionProperties{f, s.ID}, s.path(), busProperties)
	}
}

func export(t testing.TB, conn *dbus.Conn, v any, path dbus.ObjectPath, iface string) {
	t.Helper()
	if err := conn.Export(v, path, iface); err != nil {
		t.Fatal(err)
	}
}

// listed is one entry of ListSessions, a(susso).
type listed struct {
	ID   string
	UID  uint32
	User string
	Seat string
	Path dbus.ObjectPath
}

type manager struct{ f *FakeLogind }

// ListSessions is the method of that name.
func (m manager) ListSessions() ([]listed, *dbus.Error) {
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	m.f.lists++
	list := make([]listed, len(m.f.sessions))
	for i, s := range m.f.sessions {
		list[i] = listed{s.ID, s.UID, s.User, s.Seat, s.path()}
	}
	return list, nil
}

type sessionProperties struct {
	f  *FakeLogind
	id string
}

// GetAll is org.freedesktop.DBus.Properties.GetAll.
func (p sessionProperties) GetAll(string) (map[string]dbus.Variant, *dbus.Error) {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	for _, s := range p.f.sessions {
		if s.ID == p.id {
			return s.properties(), nil
		}
	}
	return nil, dbus.NewError("org.freedesktop.DBus.Error.UnknownObject", nil)
}

func (s LogindSession) properties() map[string]dbus.Variant {
	micros := func(t time.Time) uint64 {
		if t.IsZero() {
			return 0
		}
		return uint64(t.UnixMicro())
	}
	seat := struct {
		ID   string
		Path dbus.ObjectPath
	}{s.Seat, "/"}
	values := map[string]any{
		"Id": s.ID, "Name": s.User, "TTY": s.TTY, "Display": s.Display, "Seat": seat, "Type": s.Type,
		"Class": s.Class, "State": s.State, "Scope": s.Scope, "Leader": s.Leader, "VTNr": s.VT,
		"Active": s.Active, "IdleHint": s.IdleHint, "Timestamp": micros(s.Since), "IdleSinceHint": micros(s.IdleSince),
	}
	out := map[string]dbus.Variant{}
	for name, v := range values {
		out[name] = dbus.MakeVariant(v)
	}
	return out
}
