package host

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/account"
	"msg/internal/hosttest"
)

// list writes the places in short: ID, name, user, kind, state, source.
func (w *world) list() []string {
	w.t.Helper()
	places, err := w.places(w.t.Context(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	for _, p := range places {
		line := fmt.Sprint(p.ID, " ", p.Name, " ", p.User, " ", p.Kind, " ", p.State, " ", p.Source)
		if p.Console {
			line += " console"
		}
		lines = append(lines, line)
	}
	return lines
}

func (w *world) wantList(want ...string) {
	w.t.Helper()
	if got := w.list(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.t.Errorf("listed\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// onTTY puts a process with that terminal into the world, in a control group.
func (w *world) onTTY(pid, parent int, comm, ttyName, cgroup string, start uint64) {
	w.t.Helper()
	d, err := w.dev.stat(ttyName)
	if err != nil {
		w.t.Fatal(err)
	}
	w.process(process{pid: pid, parent: parent, comm: comm, session: pid, tty: d.rdev, foreground: pid, start: start})
	write(w.t, w.proc.path(pid, "cgroup"), []byte("0::"+cgroup+"\n"))
	w.sameNamespace(pid)
}

func (w *world) sameNamespace(pid int) {
	w.t.Helper()
	for _, link := range []string{w.proc.root + "/self/ns/mnt", w.proc.path(pid, "ns/mnt")} {
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.Symlink("mnt:[1]", link); err != nil && !errors.Is(err, os.ErrExist) {
			w.t.Fatal(err)
		}
	}
}

func session(id, tty string) hosttest.LogindSession {
	return hosttest.LogindSession{ID: id, User: account.Caller(), UID: uint32(os.Getuid()), TTY: tty, Type: "tty", Class: "user",
		State: "active", Active: true, Scope: "session-" + id + ".scope", Since: time.Unix(1700000000, 0)}
}

func TestLogindSessions(t *testing.T) {
	w := newWorld(t)
	w.bus = hosttest.Bus(t)
	me := account.Caller()
	known, unknown, pane, utmpOnly := hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24)

	first := session("1", known.Name)
	second := session("2", "") // Debian 13: ssh, logind does not know the terminal
	w.onTTY(201, 200, "bash", unknown.Name, "/user.slice/user-0.slice/session-2.scope", 100)
	w.process(process{pid: 210, parent: 1, comm: "tmux: server", session: 210})
	w.onTTY(202, 210, "bash", pane.Name, "/user.slice/user-0.slice/session-2.scope", 200) // a pane of its tmux
	noTTY := session("3", "")                                                             // scp
	desktop := session("4", "")
	desktop.Type, desktop.Display, desktop.Seat, desktop.VT = "x11", ":0", "seat0", 7
	behind := session("5", "tty0")
	behind.Type, behind.Seat, behind.State, behind.Active = "wayland", "seat0", "online", false
	greeter, manager, background, closing, broken := session("6", known.Name), session("7", known.Name), session("8", known.Name), session("9", known.Name), session("10", known.Name)
	greeter.Class, manager.Class, background.Class, closing.State, broken.Broken = "greeter", "manager", "background", "closing", true
	hosttest.Logind(t, w.bus, first, second, noTTY, desktop, behind, greeter, manager, background, closing, broken)

	w.login(known)    // both know it: listed once
	w.login(utmpOnly) // only utmp knows it
	w.record(utmpEntry{pid: os.Getpid(), line: "tty7", user: me, host: ":0"})
	w.record(utmpEntry{pid: os.Getpid(), line: pane.Name, user: me, host: "tmux(200).%0"})
	w.wantList(
		fmt.Sprintf("4 :0 %s desktop active logind console", me),
		fmt.Sprintf("5 tty0 %s desktop disconnected logind", me),
		fmt.Sprintf("1 %s %s terminal active logind", known.Name, me),
		fmt.Sprintf("2 %s %s terminal active logind+proc", unknown.Name, me),
		fmt.Sprintf("%s %s %s terminal active utmp", utmpOnly.Name, utmpOnly.Name, me),
	)
}

func TestElogindFindsTheTerminalByDescent(t *testing.T) {
	w := newWorld(t)
	w.bus = hosttest.Bus(t)
	p := hosttest.OpenPTY(t, 80, 24)
	s := session("1", "")
	s.Scope, s.Leader = "", 300
	w.process(process{pid: 300, parent: 1, comm: "sshd", session: 300})
	w.process(process{pid: 301, parent: 300, comm: "sshd", session: 300})
	w.onTTY(302, 301, "bash", p.Name, "/", 5)
	hosttest.Logind(t, w.bus, s)
	w.wantList(fmt.Sprintf("1 %s %s terminal active logind+proc", p.Name, account.Caller()))
}

// Connections of ssh can be shared (ControlMaster): one session of logind then
// has a terminal for each window.
func TestSharedConnection(t *testing.T) {
	for _, known := range []bool{true, false} {
		w := newWorld(t)
		w.bus = hosttest.Bus(t)
		first, second, inner := hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24)
		const scope = "/user.slice/user-0.slice/session-1.scope"
		w.process(process{pid: 300, parent: 1, comm: "sshd-session", session: 300})
		w.onTTY(301, 300, "bash", first.Name, scope, 10)
		w.onTTY(302, 300, "bash", second.Name, scope, 20)
		w.onTTY(303, 302, "bash", inner.Name, scope, 30) // script in the second
		s, source := session("1", ""), "logind+proc"
		if known {
			s.TTY, source = first.Name, "logind"
		}
		hosttest.Logind(t, w.bus, s)
		w.wantList(
			fmt.Sprintf("1 %s %s terminal active %s", first.Name, account.Caller(), source),
			fmt.Sprintf("%s %s %s terminal active logind+proc", second.Name, second.Name, account.Caller()),
		)
	}
}

// An sshd that was started by hand has a terminal, and its guests are not
// inside that one.
func TestLoginServiceOnATerminal(t *testing.T) {
	w := newWorld(t)
	outer, guest := hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24)
	w.onTTY(701, 1, "bash", outer.Name, "/", 5)
	d, err := w.dev.stat(outer.Name)
	if err != nil {
		t.Fatal(err)
	}
	w.process(process{pid: 702, parent: 701, comm: "sshd", session: 701, tty: d.rdev})
	w.onTTY(703, 702, "bash", guest.Name, "/", 6)
	if got := len(w.list()); got != 2 {
		t.Errorf("%d terminals are listed, want 2: %v", got, w.list())
	}
}

func TestTerminalWindowsOfADesktopAreNotSessions(t *testing.T) {
	w := newWorld(t)
	w.bus = hosttest.Bus(t)
	xterm, managed := hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24)
	w.onTTY(401, 1, "bash", xterm.Name, "/user.slice/user-0.slice/session-1.scope", 5)
	w.onTTY(402, 1, "bash", managed.Name, "/user.slice/user-0.slice/user@0.service/app.slice/vte.scope", 6)
	w.record(utmpEntry{pid: 401, line: xterm.Name, user: account.Caller(), host: "screen-name"})
	w.record(utmpEntry{pid: 402, line: managed.Name, user: account.Caller()})
	desktop := session("1", "")
	desktop.Type, desktop.Display = "x11", ":0"
	hosttest.Logind(t, w.bus, desktop)
	w.wantList(fmt.Sprintf("1 :0 %s desktop active logind", account.Caller()))
}

func TestDesktopReceipt(t *testing.T) {
	w := newWorld(t)
	w.bus = hosttest.Bus(t)
	desktop := session("1", "")
	desktop.Type, desktop.Display = "x11", ":0"
	hosttest.Logind(t, w.bus, desktop)
	receipts, _ := w.send("*", hosttest.Message("hello"))
	if r := receipts[":0"]; r.Outcome != msg.OutcomeFailed || !strings.Contains(r.Detail, "no X server") {
		t.Errorf("receipt %+v", r)
	}
}

func TestBusWithoutLogind(t *testing.T) {
	w := newWorld(t)
	w.bus = hosttest.Bus(t)
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	w.wantList(fmt.Sprintf("%s %s %s terminal active utmp", p.Name, p.Name, account.Caller()))
}

func TestBusThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w.bus = "unix:path=" + path
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	w.wantList(fmt.Sprintf("%s %s %s terminal active utmp", p.Name, p.Name, account.Caller()))
}

func TestUtmpEntriesThatDoNotCount(t *testing.T) {
	w := newWorld(t)
	me := account.Caller()
	p := hosttest.OpenPTY(t, 80, 24)
	w.record(utmpEntry{pid: 999999, line: p.Name, user: me})                          // its process is gone
	w.record(utmpEntry{pid: os.Getpid(), line: p.Name, user: "daemon"})               // somebody else's terminal
	w.record(utmpEntry{pid: os.Getpid(), line: "../etc/passwd", user: me})            // not a terminal
	w.record(utmpEntry{pid: os.Getpid(), line: "pts/99999", user: me})                // no such terminal
	w.record(utmpEntry{pid: os.Getpid(), line: p.Name, user: me, host: "tmux(1).%0"}) // a pane
	w.wantList()
	w.login(p)
	w.login(p) // twice
	w.wantList(fmt.Sprintf("%s %s %s terminal active utmp", p.Name, p.Name, me))
}

// TestUtmpNameCutOff: a name that is nobody's is that of the terminal's owner.
func TestUtmpNameCutOff(t *testing.T) {
	w := newWorld(t)
	p := hosttest.OpenPTY(t, 80, 24)
	w.record(utmpEntry{pid: os.Getpid(), line: p.Name, user: "a.very.long.name.of.somebody@exa"})
	w.wantList(fmt.Sprintf("%s %s %s terminal active utmp", p.Name, p.Name, account.Caller()))
}

func TestDisplayInUtmp(t *testing.T) {
	w := newWorld(t)
	w.record(utmpEntry{pid: os.Getpid(), line: ":1", user: account.Caller(), host: ":1"})
	write(t, w.seat, []byte(":1\n"))
	w.wantList(fmt.Sprintf(":1 :1 %s desktop active utmp console", account.Caller()))
}

// TestProcOnly has real processes on real terminals, as in a container, and
// lists them without logind or utmp. It sends nothing: the computer's own
// terminals are in /proc too.
func TestProcOnly(t *testing.T) {
	w := newWorld(t)
	w.proc.root = "/proc"
	plain, waiting, outer := hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24)
	plain.Start(t, exec.Command("sleep", "60"))

	getty := filepath.Join(t.TempDir(), "agetty")
	if err := os.Link(lookPath(t, "sleep"), getty); err != nil {
		b, err := os.ReadFile(lookPath(t, "sleep"))
		if err != nil || os.WriteFile(getty, b, 0o755) != nil {
			t.Fatal("copying sleep:", err)
		}
	}
	waiting.Start(t, exec.Command(getty, "60"))

	lookPath(t, "script")
	outer.Start(t, exec.Command("script", "-qc", "tty; exec sleep 60", "/dev/null"))
	if !outer.Screen.Wait(t.Context(), "/dev/pts/") {
		t.Fatal("script shows no terminal")
	}
	inner := strings.TrimPrefix(strings.Fields(outer.Screen.String())[0], "/dev/")

	found := map[string]place{}
	places, err := w.places(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		found[p.Name] = p
	}
	if p := found[plain.Name]; p.Source != "proc" || p.User != account.Caller() || p.ID != plain.Name || p.State != msg.StateActive {
		t.Errorf("%s: %+v", plain.Name, p)
	}
	if p := found[plain.Name]; time.Since(p.Since) > time.Minute || p.Idle < 0 {
		t.Errorf("since %v, idle %v", p.Since, p.Idle)
	}
	if p, ok := found[waiting.Name]; ok {
		t.Errorf("a terminal that waits for a sign-in is listed: %+v", p)
	}
	if _, ok := found[outer.Name]; !ok {
		t.Errorf("%s with script is not listed", outer.Name)
	}
	if p, ok := found[inner]; ok || inner == outer.Name {
		t.Errorf("the terminal inside script (%s) is listed: %+v", inner, p)
	}
}

func lookPath(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	return path
}

func TestOtherMountNamespaceIsNotListed(t *testing.T) {
	w := newWorld(t)
	p := hosttest.OpenPTY(t, 80, 24)
	w.onTTY(501, 1, "sh", p.Name, "/", 5)
	w.wantList(fmt.Sprintf("%s %s %s terminal active proc", p.Name, p.Name, account.Caller()))
	link := w.proc.path(501, "ns/mnt")
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("mnt:[2]", link); err != nil {
		t.Fatal(err)
	}
	w.wantList()
}

// A container's pts/3 has the number of the host's pts/3, and its shell may be
// the older one.
func TestSameNumberInAContainer(t *testing.T) {
	w := newWorld(t)
	p := hosttest.OpenPTY(t, 80, 24)
	w.onTTY(511, 1, "container", p.Name, "/", 5)
	w.onTTY(512, 1, "bash", p.Name, "/", 6)
	w.onTTY(513, 1, "container", p.Name, "/", 7)
	for _, pid := range []int{511, 513} {
		link := w.proc.path(pid, "ns/mnt")
		if err := errors.Join(os.Remove(link), os.Symlink("mnt:[2]", link)); err != nil {
			t.Fatal(err)
		}
	}
	w.wantList(fmt.Sprintf("%s %s %s terminal active proc", p.Name, p.Name, account.Caller()))
	places, err := w.places(t.Context(), nil)
	if err != nil || len(places) != 1 || places[0].leader != 512 {
		t.Errorf("places %+v, %v", places, err)
	}
}

// A user can make a process that seems to be on somebody else's terminal, and
// say that it is inside screen. The terminal is listed all the same.
func TestForeignProcessDoesNotHideATerminal(t *testing.T) {
	for _, withLogind := range []bool{false, true} {
		w := newWorld(t)
		p := hosttest.OpenPTY(t, 80, 24)
		w.onTTY(521, 1, "bash", p.Name, "/user.slice/session-1.scope", 5)
		w.process(process{pid: 522, parent: 1, comm: "SCREEN", session: 522})
		for pid := 523; pid < 540; pid++ {
			w.onTTY(pid, 522, "bash", p.Name, "/user.slice/session-1.scope", 4)
		}
		want := fmt.Sprintf("%s %s %s terminal active proc", p.Name, p.Name, account.Caller())
		if withLogind {
			w.bus = hosttest.Bus(t)
			hosttest.Logind(t, w.bus, session("1", ""))
			want = fmt.Sprintf("1 %s %s terminal active logind+proc", p.Name, account.Caller())
		}
		w.wantList(want)
	}
}

func TestScreenWindowsAreNotListed(t *testing.T) {
	w := newWorld(t)
	client, window := hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24)
	w.onTTY(601, 1, "screen", client.Name, "/", 5)
	w.process(process{pid: 602, parent: 1, comm: "SCREEN", session: 602})
	w.onTTY(603, 602, "bash", window.Name, "/", 6)
	w.wantList(fmt.Sprintf("%s %s %s terminal active proc", client.Name, client.Name, account.Caller()))
}

func TestOwnSession(t *testing.T) {
	w := newWorld(t)
	w.bus = hosttest.Bus(t)
	mine, other := hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24)
	d, err := w.dev.stat(mine.Name)
	if err != nil {
		t.Fatal(err)
	}
	w.process(process{pid: os.Getpid(), comm: "msg", session: 1, tty: d.rdev})
	hosttest.Logind(t, w.bus, session("1", other.Name), session("2", mine.Name))
	places, err := w.places(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		if p.Own != (p.ID == "2") {
			t.Errorf("session %s: own = %v", p.ID, p.Own)
		}
	}
}
