package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// startTmux runs a real tmux on a terminal and puts its client into the
// world. Its server ends with the test.
func (w *world) startTmux(t testing.TB) *hosttest.PTY {
	t.Helper()
	tmux := lookPath(t, "tmux")
	socket := t.TempDir() + "/socket"
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	cmd := exec.Command(tmux, "-u", "-f", "/dev/null", "-S", socket, "new-session", "seq -f 'under %g' 20; echo ready; exec sleep 60")
	cmd.Env = append(os.Environ(), "TERM=xterm", "TMUX=")
	p.Start(t, cmd)
	t.Cleanup(func() { _ = exec.Command(tmux, "-S", socket, "kill-server").Run() })
	if !p.Screen.Wait(t.Context(), "ready") {
		t.Fatal("tmux did not start")
	}
	w.onTTY(cmd.Process.Pid, os.Getpid(), "tmux: client", p.Name, "/", 5)
	w.socket("/tmp/tmux-0/default")
	return p
}

func TestTmuxPopup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.startTmux(t)
	plain := w.login(hosttest.OpenPTY(t, 80, 24))
	m := hosttest.Message("lunch #(touch /tmp/never) #{pane_id} $HOME")
	m.Title, m.Timeout = "a #[fg=red]title", 200*time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	begin := p.Screen.Len()
	receipts, _ := w.send("*", m)
	if r := receipts[p.Name]; r.Outcome != msg.OutcomeAccepted || r.Surface != "tmux" {
		t.Fatalf("receipt %+v", r)
	}
	if r := receipts[plain.Name]; r.Outcome != msg.OutcomeAccepted || r.Surface != "terminal" {
		t.Errorf("receipt %+v", r)
	}
	for _, want := range []string{m.Text, m.Title, m.From, popupOK} {
		if !p.Screen.Wait(ctx, want) {
			t.Errorf("the popup does not show %q", want)
		}
	}
	if strings.Contains(p.Screen.String(), "\a") {
		t.Error("the block of a plain terminal was drawn over tmux")
	}
	// When the popup closes at the time-out tmux draws what was under it.
	if !p.Screen.WaitAfter(ctx, begin, "under 12") {
		t.Errorf("the popup stays: %q", p.Screen.String()[begin:])
	}
}

// tmux shows one popup at a time, and says that all is well when it shows
// nothing: a second message must come up in the first one's popup.
func TestTmuxSecondMessage(t *testing.T) {
	w := newWorld(t)
	p := w.startTmux(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, text := range []string{"the first", "the second", "the third"} {
		receipts, _ := w.send("*", hosttest.Message(text))
		if r := receipts[p.Name]; r.Outcome != msg.OutcomeAccepted || r.Surface != "tmux" {
			t.Fatalf("%s: receipt %+v", text, r)
		}
		if !p.Screen.Wait(ctx, text) {
			t.Errorf("%s message is not shown", text)
		}
	}
	if !p.Screen.Wait(ctx, "(2 more)") {
		t.Error("nothing tells of the messages underneath")
	}
}

// A popup that the user has opened is left alone: the terminal has to do, and
// the receipt says so.
func TestTmuxWithTheUsersPopup(t *testing.T) {
	w := newWorld(t)
	p := w.startTmux(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	places, err := w.places(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := clientSocket(places[0].client.pid)
	if err != nil {
		t.Fatal(err)
	}
	own := exec.Command("tmux", "-S", socket, "display-popup", "-c", "/dev/"+p.Name, "-E", "echo own popup; sleep 60")
	if err := own.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Process.Kill(); _ = own.Wait() }()
	if !p.Screen.Wait(ctx, "own popup") {
		t.Fatal("tmux opened no popup")
	}
	receipts, _ := w.send("*", hosttest.Message("hello"))
	if r := receipts[p.Name]; r.Outcome != msg.OutcomeAccepted || r.Surface != "terminal" || !strings.Contains(r.Detail, "popup") {
		t.Errorf("receipt %+v", r)
	}
}

func TestTmuxThatIsNone(t *testing.T) {
	w := newWorld(t)
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	cmd := exec.Command("sleep", "60")
	p.Start(t, cmd)
	w.onTTY(cmd.Process.Pid, os.Getpid(), "tmux: client", p.Name, "/", 5)
	w.socket("/tmp/tmux-0/default")
	receipts, _ := w.send("*", hosttest.Message("hello"))
	if r := receipts[p.Name]; r.Outcome != msg.OutcomeAccepted || r.Surface != "terminal" {
		t.Errorf("receipt %+v", r)
	}
}

// Whoever is called "tmux: client" on a terminal but is not its user's process
// must never be acted for: its environment names the server that the user's own
// tmux would obey.
func TestTmuxClientOfAnotherUser(t *testing.T) {
	w := newWorld(t)
	p := w.login(hosttest.OpenPTY(t, 80, 24))
	w.onTTY(901, 1, "tmux: client", p.Name, "/", 5)
	w.socket("/tmp/tmux-0/default")
	me, other := os.Getuid(), os.Getuid()+1
	for _, c := range []struct {
		status string
		client bool
	}{
		{fmt.Sprintf("Name:\ttmux\nUid:\t%d\t%d\t%d\t%d\n", me, me, me, me), true},
		{fmt.Sprintf("Name:\ttmux\nUid:\t%d\t%d\t%d\t%d\n", other, other, other, other), false},
		{fmt.Sprintf("Name:\ttmux\nUid:\t%d\t%d\t%d\t%d\n", other, me, me, me), false}, // setuid
		{"Name:\ttmux\n", false},
		{"", false},
	} {
		write(t, w.proc.path(901, "status"), []byte(c.status))
		places, err := w.places(t.Context(), nil)
		if err != nil || len(places) != 1 || (places[0].client != nil) != c.client {
			t.Errorf("%q: places %+v, %v; want a client: %v", c.status, places, err, c.client)
		}
	}
	if _, err := clientSocket(1); os.Getuid() != 0 && err == nil {
		t.Error("the process of another user is acted for")
	}
}

func TestOwnSocket(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	write(t, filepath.Join(dir, "file"), nil)
	if err := os.Symlink("socket", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		mode os.FileMode
		ok   bool
	}{
		{"socket", 0o700, true},
		{"socket", 0o755, true},
		{"socket", 0o777 | os.ModeSticky, true},
		{"socket", 0o777, false},
		{"socket", 0o775, false},
		{"file", 0o700, false},
		{"link", 0o700, false},
		{"none", 0o700, false},
	} {
		if err := os.Chmod(dir, c.mode); err != nil {
			t.Fatal(err)
		}
		if err := ownSocket(filepath.Join(dir, c.name)); (err == nil) != c.ok {
			t.Errorf("%s in a folder of mode %v: %v", c.name, c.mode, err)
		}
	}
}

func TestPopupPages(t *testing.T) {
	p := notice{Title: "title", Text: strings.Repeat("line\n", 20) + "end", By: "from bob"}
	pages := p.pages(40, 10)
	var all []string
	for i, page := range pages {
		if len(page) > 8 {
			t.Errorf("page %d has %d lines", i, len(page))
		}
		all = append(all, page...)
	}
	if got, want := strings.Join(all, "\n"), strings.Join(p.lines(40), "\n"); got != want {
		t.Errorf("pages hold %q, want %q", got, want)
	}
}
