package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"msg"
	"msg/internal/account"
	"msg/internal/hosttest"
)

// keep keeps the table of the world until the test ends.
func (w *world) keep() {
	w.t.Helper()
	w.table.settle = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Keep(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, errFolderGone) {
			w.t.Error(err)
		}
	})
	<-w.Changes()
	w.rest()
}

// rest lists until the table has come to rest. The first lists are made while
// it settles, the last is kept.
func (w *world) rest() {
	w.t.Helper()
	for {
		if _, quiet := w.table.quiet(); quiet {
			return
		}
		if _, err := w.table.anew(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// names are the sessions that there are, by ID.
func (w *world) names() []string {
	w.t.Helper()
	sessions, err := w.Sessions(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var ids []string
	for _, s := range sessions {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return ids
}

// waitNames waits for changes until these sessions are there.
func (w *world) waitNames(want ...string) {
	w.t.Helper()
	for !slices.Equal(w.names(), want) {
		select {
		case <-w.Changes():
		case <-time.After(20 * time.Second):
			w.t.Fatalf("there are %q, want %q", w.names(), want)
		}
	}
}

func desktopSession(id string) hosttest.LogindSession {
	s := session(id, "")
	s.Type, s.Display, s.Seat, s.Active = "x11", ":"+id, "seat0", true
	return s
}

func TestKeepFollowsLogind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bus = hosttest.Bus(t)
	logind := hosttest.Logind(t, w.bus, desktopSession("1"))
	w.keep()

	lists := logind.Lists()
	for range 100 {
		if got := w.names(); !slices.Equal(got, []string{"1"}) {
			t.Fatalf("there are %q", got)
		}
	}
	if got := logind.Lists() - lists; got > 2 { // by the clock
		t.Errorf("at rest logind was asked %d times", got)
	}

	logind.Add(desktopSession("2"))
	w.waitNames("1", "2")
	second := desktopSession("2")
	second.State = "closing"
	logind.Change(second)
	w.waitNames("1")
	logind.Remove("1")
	w.waitNames()
}

func TestKeepSurvivesLogind(t *testing.T) {
	w := newWorld(t)
	w.bus = hosttest.Bus(t)
	p := hosttest.OpenPTY(t, 80, 24)
	w.onTTY(201, 1, "bash", p.Name, "/user.slice/session-1.scope", 5)
	logind := hosttest.Logind(t, w.bus, session("1", p.Name))
	w.keep()
	w.waitNames("1")
	logind.Stop()
	done := make(chan struct{})
	go func() { // while a message is on its way
		defer close(done)
		receipts, _ := w.send("*", hosttest.Message("while logind is away"))
		if r := receipts[p.Name]; r.Outcome != msg.OutcomeAccepted || r.Session.ID != "1" {
			t.Errorf("receipt %+v", r)
		}
	}()
	logind = hosttest.Logind(t, w.bus, session("1", p.Name), desktopSession("2"))
	<-done
	w.waitNames("1", "2")
	logind.Remove("2")
	w.waitNames("1")
}

func TestKeepSurvivesTheBus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "bus")
	var stop func()
	w.bus, stop = hosttest.BusAt(t, path)
	logind := hosttest.Logind(t, w.bus, desktopSession("1"))
	w.keep()
	w.waitNames("1")
	logind.Stop()
	stop()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	w.waitNames() // logind does not come back in time
	hosttest.BusAt(t, path)
	logind = hosttest.Logind(t, w.bus, desktopSession("3"))
	w.waitNames("3")
	w.rest()
	logind.Add(desktopSession("4"))
	w.waitNames("3", "4")
}

func TestKeepWithoutLogind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.watched = append(w.watched, ptsFolder("/dev/pts"))
	first := w.shell(hosttest.OpenPTY(t, 80, 24))
	w.keep()
	w.waitNames(first.Name)
	second := w.shell(hosttest.OpenPTY(t, 80, 24))
	want := []string{first.Name, second.Name}
	slices.Sort(want)
	w.waitNames(want...)
	w.leave(first)
	w.waitNames(second.Name)
}

// sshd on Debian 13 tells logind of the session first; the terminal comes
// later, and its process last.
func TestKeepFindsTheTerminalThatNobodyTellsOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.watched = append(w.watched, ptsFolder("/dev/pts"))
	w.bus = hosttest.Bus(t)
	logind := hosttest.Logind(t, w.bus)
	w.keep()
	logind.Add(session("1", ""))
	w.waitNames()
	p := hosttest.OpenPTY(t, 80, 24)
	w.waitNames()
	w.onTTY(201, 1, "bash", p.Name, "/user.slice/session-1.scope", 5) // no event
	w.waitNames("1")
}

// What is right at the moment of sending, though no event tells.
func TestKeptTableAndTmux(t *testing.T) {
	w := newWorld(t)
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	d, err := w.dev.stat(p.Name)
	if err != nil {
		t.Fatal(err)
	}
	shell := process{pid: 301, parent: 1, comm: "bash", session: 301, tty: d.rdev, foreground: 301, start: 7}
	w.process(shell)
	w.sameNamespace(301)
	w.keep()
	w.socket("/tmp/tmux-0/default")
	client := func() *tmuxClient {
		t.Helper()
		w.rest()
		places, err := w.newRun(t.Context(), hosttest.Message("x")).places()
		if err != nil || len(places) != 1 {
			t.Fatalf("places %+v, %v", places, err)
		}
		return places[0].client
	}
	if c := client(); c != nil {
		t.Errorf("a shell is taken for tmux: %+v", c)
	}
	shell.foreground = 302
	w.process(shell)
	w.process(process{pid: 302, parent: 301, comm: "tmux: client", session: 301, tty: d.rdev, foreground: 302, start: 8})
	if c := client(); c == nil || c.pid != 302 {
		t.Errorf("tmux was started, and the client is %+v", c)
	}
	shell.foreground = 301
	w.process(shell)
	if err := os.RemoveAll(w.proc.path(302, "")); err != nil {
		t.Fatal(err)
	}
	if c := client(); c != nil {
		t.Errorf("tmux was left, and the client is %+v", c)
	}
	shell.comm = "tmux: client" // exec
	w.process(shell)
	if c := client(); c == nil || c.pid != 301 {
		t.Errorf("the shell has become tmux, and the client is %+v", c)
	}
	shell.start = 9 // another process
	w.process(shell)
	if c := client(); c == nil || c.pid != 301 {
		t.Errorf("the list is old, and the client is %+v", c)
	}
}

func TestKeptTableAndIdleTimes(t *testing.T) {
	w := newWorld(t)
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	w.keep()
	at := unix.NsecToTimeval(time.Now().Add(-time.Hour).UnixNano())
	if err := unix.Utimes("/dev/"+p.Name, []unix.Timeval{at, at}); err != nil {
		t.Fatal(err)
	}
	w.rest()
	sessions, err := w.Sessions(t.Context())
	if err != nil || len(sessions) != 1 || sessions[0].Idle < 59*time.Minute {
		t.Errorf("sessions %+v, %v", sessions, err)
	}
	// Nobody tells of this: the folder of the terminals is not watched here.
	if err := os.Chown("/dev/"+p.Name, os.Getuid()+1, -1); err != nil {
		t.Skip("giving a terminal away:", err)
	}
	if got := w.names(); len(got) != 0 {
		t.Errorf("%q are listed, and the terminal is somebody else's", got)
	}
}

func TestKeepThatCannot(t *testing.T) {
	w := newWorld(t)
	w.keep()
	if err := w.Keep(t.Context()); !errors.Is(err, errKept) {
		t.Errorf("a second time: %v", err)
	}
	gone := newWorld(t)
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	gone.watched = []folder{utmpFolder(dir)}
	ended := make(chan error, 1)
	go func() { ended <- gone.Keep(t.Context()) }()
	<-gone.Changes()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, errFolderGone) {
		t.Errorf("without its folder: %v", err)
	}
	p := gone.login(hosttest.OpenPTY(t, 80, 24))
	if got := gone.names(); !slices.Equal(got, []string{p.Name}) {
		t.Errorf("after it there are %q", got)
	}
}

// A service can have mounts of its own (ProtectSystem=): the terminals are
// still those of everybody.
func TestOwnMountNamespace(t *testing.T) {
	for _, c := range []struct {
		name string
		root string // of process 1
		want bool
	}{
		{"the same /dev/pts", "/", true},
		{"a container that sees the processes of the computer", t.TempDir(), false},
	} {
		w := newWorld(t)
		p := hosttest.OpenPTY(t, 80, 24)
		w.onTTY(501, 1, "sh", p.Name, "/", 5)
		for link, to := range map[string]string{
			w.proc.path(501, "ns/mnt"):      "mnt:[1]",
			w.proc.path(1, "ns/mnt"):        "mnt:[1]",
			w.proc.root + "/self/ns/mnt":    "mnt:[2]",
			w.proc.path(1, "root"):          c.root,
			w.proc.path(777, "ns/mnt"):      "mnt:[3]",
			w.proc.path(777, "root/dev/in"): "/",
		} {
			_ = os.Remove(link)
			if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(to, link)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(filepath.Join(c.root, "dev/pts"), 0o755); err != nil {
			t.Fatal(err)
		}
		d, err := w.dev.stat(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		w.process(process{pid: 777, comm: "container", session: 777, tty: d.rdev, foreground: 777})
		var want []string
		if c.want {
			want = append(want, fmt.Sprintf("%s %s %s terminal active proc", p.Name, p.Name, account.Caller()))
		}
		t.Run(c.name, func(t *testing.T) { w.t = t; w.wantList(want...) })
	}
}
