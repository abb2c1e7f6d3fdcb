package hosttest

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// Bus starts a private message bus and returns its address. Tests that need
// it are skipped where there is no dbus-daemon.
func Bus(t testing.TB) string {
	t.Helper()
	return startBus(t, "--session")
}

// BusIn is Bus with a socket of the name "bus" in a folder, as the bus of a
// user has.
func BusIn(t testing.TB, dir string) string {
	t.Helper()
	return startBus(t, "--session", "--address=unix:path="+filepath.Join(dir, "bus"))
}

func startBus(t testing.TB, arguments ...string) string {
	t.Helper()
	path, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("no dbus-daemon (Debian: apt install dbus)")
	}
	cmd := exec.Command(path, append([]string{"--nofork", "--nopidfile", "--print-address=1"}, arguments...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("dbus-daemon printed no address: %v", err)
	}
	address, _, _ := strings.Cut(strings.TrimSpace(line), ",") // without the guid
	return address
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

// Logind offers sessions on a bus as org.freedesktop.login1 does.
func Logind(t testing.TB, address string, sessions ...LogindSession) {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	m := manager{}
	for _, s := range sessions {
		path := dbus.ObjectPath("/org/freedesktop/login1/session/_3" + s.ID)
		m.list = append(m.list, listed{s.ID, s.UID, s.User, s.Seat, path})
		if !s.Broken {
			export(t, conn, sessionProperties{s}, path, "org.freedesktop.DBus.Properties")
		}
	}
	export(t, conn, m, "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
	if _, err := conn.RequestName("org.freedesktop.login1", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
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

type manager struct{ list []listed }

// ListSessions is the method of that name.
func (m manager) ListSessions() ([]listed, *dbus.Error) { return m.list, nil }

type sessionProperties struct{ s LogindSession }

// GetAll is org.freedesktop.DBus.Properties.GetAll.
func (p sessionProperties) GetAll(string) (map[string]dbus.Variant, *dbus.Error) {
	s := p.s
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
	return out, nil
}
