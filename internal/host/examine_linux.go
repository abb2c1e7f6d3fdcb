package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"msg"
)

// Examine asks each source of sessions, and looks at each surface, for a report
// that may be shown to others: nobody is sent anything, and nobody is named.
func Examine(ctx context.Context) []Finding {
	l, err := Open()
	if err != nil {
		return []Finding{{"sessions", Numbered(err)}}
	}
	defer l.Close()
	return l.examine(ctx)
}

func (l *Local) examine(ctx context.Context) []Finding {
	var f findings
	f.add("system", "%s", system("/etc/os-release"))
	f.add("rights", "%s", l.rights())
	l.examineSources(ctx, &f)
	l.examineSessions(ctx, &f)
	f.add("tmux", "%s", tmuxVersion(ctx))
	f.add("notifications", "%s", notifications(ctx, l.runtime(os.Getuid())))
	return f
}

// system names the distribution and the kernel, but not the computer.
func system(release string) string {
	name := "unknown Linux"
	b, err := os.ReadFile(release)
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok && err == nil {
			name = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return name + ", kernel: " + Numbered(err)
	}
	return fmt.Sprintf("%s, kernel %s, %s", name, unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:]))
}

// rights says whom this process reaches, and whom through msgd.
func (l *Local) rights() string {
	if os.Geteuid() == 0 {
		return "root: reaches everybody"
	}
	gids, _ := os.Getgroups()
	in := "not in group msg"
	if gid, err := l.users.GID("msg"); err == nil && slices.Contains(gids, int(gid)) {
		in = "in group msg"
	}
	return fmt.Sprintf("user ID %d, %s: reaches the own terminals, others through msgd", os.Geteuid(), in)
}

func (l *Local) examineSources(ctx context.Context, f *findings) {
	begin := time.Now()
	entries, err := logindSessions(ctx, l.bus)
	if err != nil {
		f.add("logind", "%s, after %v", Numbered(err), took(begin))
	} else {
		n := 0
		for _, e := range entries {
			if e.person() {
				n++
			}
		}
		f.add("logind", "%d sessions, %d of them of people, in %v", len(entries), n, took(begin))
	}
	begin = time.Now()
	if processes, err := l.proc.processes(); err != nil {
		f.add("/proc", "%s", Numbered(err))
	} else {
		f.add("/proc", "%d processes, terminals of them: %d, in %v", len(processes), len(ttys(processes, l.ours())), took(begin))
	}
	switch records, err := readUtmp(l.utmp); {
	case err != nil:
		f.add("utmp", "%s", Numbered(err))
	case records.b == nil:
		f.add("utmp", "there is none")
	default:
		f.add("utmp", "%d entries, %d of them logins", records.len(), len(records.logins()))
	}
}

// examineSessions lists what the sources are together, and what a message to
// each place would meet.
func (l *Local) examineSessions(ctx context.Context, f *findings) {
	begin := time.Now()
	x, err := l.listNow(ctx, nil)
	if err != nil {
		f.add("sessions", "%s", Numbered(err))
		return
	}
	f.add("sessions", "%d, in %v", len(x.places), took(begin))
	var who people
	for _, p := range x.places {
		surface := l.terminalState(p)
		if p.Kind == msg.KindDesktop {
			surface = l.desktopState(p)
		}
		f.add("session "+p.ID, "%s; %s", who.describe(p.Session), surface)
	}
}

// terminalState looks whether the terminal could be written to, without opening
// it.
func (l *Local) terminalState(p place) string {
	state := "can be written to"
	path := filepath.Join(l.dev.root, p.tty)
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS); err != nil {
		state = "cannot be written to: " + Numbered(err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o020 == 0 {
		state += ", closed to others (mesg n)"
	}
	if p.client != nil {
		state += ", tmux in front"
	}
	return state
}

// desktopState looks for the sockets of a desktop, and connects to none: that
// is for a helper with the rights of its user.
func (l *Local) desktopState(p place) string {
	there := func(path string) string {
		if info, err := os.Stat(path); err != nil {
			return Numbered(err)
		} else if info.Mode().Type() != os.ModeSocket {
			return "no socket"
		}
		return "there"
	}
	state := "bus: " + there(filepath.Join(l.runtime(int(p.uid)), "bus"))
	if !localDisplay(p.display) {
		return state + "; display: looked for when it is needed"
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(p.display, ":"), ".")
	return state + "; display " + p.display + ": " + there(filepath.Join(l.windows.desktop.X11, "X"+number))
}

// runtime is the folder with the sockets of a user.
func (l *Local) runtime(uid int) string {
	return filepath.Join(l.windows.desktop.Runtime, strconv.Itoa(uid))
}

// tmuxVersion asks the tmux that a helper would run.
func tmuxVersion(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, busDial)
	defer cancel()
	for _, dir := range []string{"/usr/local/bin", "/usr/bin", "/bin"} { // the PATH of helpers
		path := filepath.Join(dir, "tmux")
		if _, err := os.Stat(path); err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, "-V")
		cmd.Env, cmd.WaitDelay = []string{}, busDial
		out, err := cmd.Output()
		if err != nil {
			return path + ": " + Numbered(err)
		}
		return path + ", " + strings.TrimSpace(string(out[:min(len(out), 100)]))
	}
	return "not installed"
}

// notifications asks the service on the bus of whoever runs this.
func notifications(ctx context.Context, runtime string) string {
	bus := filepath.Join(runtime, "bus")
	if _, err := os.Stat(bus); err != nil {
		return "you have no bus: " + Numbered(err)
	}
	s, err := dialService(ctx, bus)
	if err != nil {
		return Numbered(err)
	}
	defer s.conn.Close()
	v, err := s.ask(ctx, notifyName)
	if err != nil {
		return "your bus has no service that runs: " + Numbered(err)
	}
	buttons := "shows no buttons"
	if v.buttons() {
		buttons = "shows buttons"
	}
	return fmt.Sprintf("%s %s of %s, %s; of actions, body and body-markup it has: %s", v.name, v.version, v.vendor, buttons, strings.Join(v.capabilities, " "))
}
