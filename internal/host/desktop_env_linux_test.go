package host

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"msg/internal/hosttest"
)

// program puts a program of a session into the world's /proc.
func (w *world) program(pid int, scope, environ string) {
	w.t.Helper()
	w.process(process{pid: pid, comm: "program"})
	write(w.t, w.proc.path(pid, "cgroup"), []byte("0::/user.slice/user-0.slice/"+scope+"\n"))
	write(w.t, w.proc.path(pid, "environ"), []byte(environ))
}

// xServer puts the socket of an X server into the world, where none listens.
func (w *world) xServer(number string) {
	w.t.Helper()
	dir := w.windows.desktop.X11
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "X"+number), Net: "unix"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
}

func TestEnvironment(t *testing.T) {
	const scope = "session-3.scope"
	for _, c := range []struct {
		name    string
		display string // what logind says
		scope   string
		build   func(d *desk)
		want    environment
	}{
		{"nothing", "", scope, func(*desk) {}, environment{}},
		{"a program of the session", ":0", scope, func(d *desk) {
			d.program(11, scope, "DISPLAY=:0.0\x00XAUTHORITY=/run/x\x00DBUS_SESSION_BUS_ADDRESS=unix:path=/run/b\x00")
		}, environment{":0", "/run/x", "unix:path=/run/b"}},
		{"what most programs have", "", scope, func(d *desk) {
			d.program(11, scope, "DISPLAY=:1\x00") // in a nested X server
			d.program(12, scope, "DISPLAY=:0\x00XAUTHORITY=/run/x\x00")
			d.program(13, scope, "DISPLAY=:0\x00XAUTHORITY=/run/x\x00")
		}, environment{":0", "/run/x", ""}},
		{"a program on another computer's display", "", scope, func(d *desk) {
			d.program(11, scope, "DISPLAY=localhost:10.0\x00XAUTHORITY=/run/x\x00")
		}, environment{}},
		{"a program of another session", "", scope, func(d *desk) {
			d.program(11, "session-33.scope", "DISPLAY=:0\x00XAUTHORITY=/run/x\x00")
		}, environment{}},
		{"another display than logind says", ":1", scope, func(d *desk) {
			d.program(11, scope, "DISPLAY=:0\x00XAUTHORITY=/run/x\x00")
		}, environment{display: ":1"}},
		{"without scopes", ":0", "", func(d *desk) {
			d.program(11, "x.service", "DISPLAY=:0\x00XAUTHORITY=/run/x\x00")
		}, environment{display: ":0", xauthority: "/run/x"}},
		{"the manager of the user", "", scope, func(d *desk) {
			d.program(11, scope, "PATH=/bin\x00")
			hosttest.Manager(t, d.bus, "DISPLAY=:0", "XAUTHORITY=/run/user/0/.mutter-Xwaylandauth", "LANG=C")
		}, environment{display: ":0", xauthority: "/run/user/0/.mutter-Xwaylandauth"}},
		{"a manager that knows another display", ":1", scope, func(d *desk) {
			hosttest.Manager(t, d.bus, "DISPLAY=:0", "XAUTHORITY=/run/x")
		}, environment{display: ":1"}},
		{"a server of the user", "", scope, func(d *desk) { d.xServer("7") }, environment{display: ":7"}},
		{"a bus without a display", "", scope, func(d *desk) {
			d.program(11, scope, "WAYLAND_DISPLAY=wayland-1\x00DBUS_SESSION_BUS_ADDRESS=unix:path=/run/b\x00")
		}, environment{bus: "unix:path=/run/b"}},
		{"a display without a server", ":5", scope, func(*desk) {}, environment{}},
		{"nonsense", ":../../etc", scope, func(d *desk) {
			d.program(11, scope, "DISPLAY=:/etc\x00XAUTHORITY=relative\x00=\x00A")
		}, environment{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			for _, name := range []string{"X0", "X1"} { // of display managers, which are root's
				write(t, filepath.Join(d.windows.desktop.X11, name), nil)
			}
			c.build(d)
			r := d.windows.desktop
			r.Runtime, r.Display, r.Scope = d.dir, c.display, c.scope
			if got := newFinder(r).environment(t.Context()); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
