package host

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// finder finds out how to reach a graphical session of the user of this
// process. Whatever it reads that user could have written.
type finder struct {
	desktopRequest
	proc procFS
}

func newFinder(r desktopRequest) finder { return finder{r, procFS{root: r.Proc}} }

// environment is what a program of the session would be started with.
type environment struct {
	display, xauthority string
	bus                 string // a D-Bus address
}

// maxEnviron is how much of an environment is read.
const maxEnviron = 1 << 20

// parseEnviron reads an environment as /proc/PID/environ has it.
func parseEnviron(s string) environment {
	var e environment
	for v := range strings.SplitSeq(s, "\x00") {
		name, value, _ := strings.Cut(v, "=")
		switch name {
		case "DISPLAY":
			if localDisplay(value) {
				e.display = value
			}
		case "XAUTHORITY":
			if filepath.IsAbs(value) {
				e.xauthority = value
			}
		case "DBUS_SESSION_BUS_ADDRESS":
			e.bus = value
		}
	}
	return e
}

// localDisplay reports whether s names a display of this computer: ":0", ":1.0".
func localDisplay(s string) bool {
	number, ok := strings.CutPrefix(s, ":")
	number, screen, _ := strings.Cut(number, ".")
	digits := func(s string) bool { return len(s) <= 5 && strings.Trim(s, "0123456789") == "" }
	return ok && number != "" && digits(number) && digits(screen)
}

// sameDisplay compares displays without their screens.
func sameDisplay(a, b string) bool {
	a, _, _ = strings.Cut(a, ".")
	b, _, _ = strings.Cut(b, ".")
	return a == b
}

// environment looks at the programs of the session, then asks the service
// manager of the user, which knows what GNOME and others told it, and then
// looks for a socket of an X server. What logind says about the display is
// right where it says something.
func (f finder) environment(ctx context.Context) environment {
	e := f.ofPrograms()
	for _, ask := range []func() environment{
		func() environment { return managerEnvironment(ctx, filepath.Join(f.Runtime, "bus")) },
		func() environment { return environment{display: f.ownServer()} },
	} {
		if e.display != "" {
			break
		}
		more := ask()
		if f.Display == "" || sameDisplay(f.Display, more.display) {
			e.display, e.xauthority = more.display, more.xauthority
		}
		if e.bus == "" {
			e.bus = more.bus
		}
	}
	if localDisplay(f.Display) {
		e.display = f.Display
	}
	if !f.hasServer(e.display) {
		e.display = ""
	}
	return e
}

// hasServer reports whether a display has a socket. X servers make it even if
// they listen on an abstract name as well.
func (f finder) hasServer(display string) bool {
	number, _, _ := strings.Cut(strings.TrimPrefix(display, ":"), ".")
	_, err := os.Stat(filepath.Join(f.X11, "X"+number))
	return number != "" && err == nil
}

// ofPrograms is the environment that most programs of the session have. A few
// may have another one: those in a nested X server, for example.
func (f finder) ofPrograms() environment {
	votes := map[environment]int{}
	var best environment
	better := func(e environment) bool {
		if (e.display == "") != (best.display == "") {
			return e.display != ""
		}
		return votes[e] > votes[best]
	}
	for _, pid := range f.ownProcesses() {
		if f.Scope != "" {
			if scope, _ := f.proc.scope(pid); scope != f.Scope {
				continue
			}
		}
		e := f.environOf(pid)
		if e == (environment{}) || localDisplay(f.Display) && !sameDisplay(f.Display, e.display) {
			continue
		}
		if votes[e]++; better(e) {
			best = e
		}
	}
	return best
}

// ownProcesses lists the processes of this user, the oldest first as far as
// their numbers tell.
func (f finder) ownProcesses() []int {
	entries, err := os.ReadDir(f.proc.root)
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		var st unix.Stat_t
		if err == nil && unix.Stat(f.proc.path(pid, ""), &st) == nil && int(st.Uid) == os.Getuid() {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

func (f finder) environOf(pid int) environment {
	file, err := os.Open(f.proc.path(pid, "environ"))
	if err != nil {
		return environment{}
	}
	defer file.Close()
	b, _ := io.ReadAll(io.LimitReader(file, maxEnviron))
	return parseEnviron(string(b))
}

// managerEnvironment asks the service manager of the user, see
// org.freedesktop.systemd1(5). It is not started for that.
func managerEnvironment(ctx context.Context, bus string) environment {
	if ownSocket(bus) != nil {
		return environment{}
	}
	conn, err := dialOwnBus(ctx, bus)
	if err != nil {
		return environment{}
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, busCall)
	defer cancel()
	var variables []string
	err = conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1").
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, "org.freedesktop.systemd1.Manager", "Environment").
		Store(&variables)
	if err != nil {
		return environment{}
	}
	return parseEnviron(strings.Join(variables, "\x00"))
}

// ownServer is the display of an X server that this user has started, as
// Wayland desktops start Xwayland.
func (f finder) ownServer() string {
	entries, err := os.ReadDir(f.X11)
	if err != nil {
		return ""
	}
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), "X")
		var st unix.Stat_t
		if !ok || !localDisplay(":"+number) || unix.Lstat(filepath.Join(f.X11, entry.Name()), &st) != nil {
			continue
		}
		if st.Mode&unix.S_IFMT == unix.S_IFSOCK && int(st.Uid) == os.Getuid() {
			return ":" + number
		}
	}
	return ""
}
