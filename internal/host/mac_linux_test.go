package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"msg"
	"msg/internal/account"
	"msg/internal/hosttest"
)

// macWorld is a Mac as the tests make it: terminals are real, the records are
// made, and the programs are scripts that note how they were called. Nothing
// here shows what a real osascript does with the arguments.
type macWorld struct {
	*mac
	t      *testing.T
	dir    string
	ptys   map[string]*hosttest.PTY // by name below /dev/pts
	dialog *hosttest.Screen         // the text of every dialog
	calls  chan macCall
	shown  chan time.Time // a dialog has settled
	logins []utmpxEntry
	reply  *os.File // what was pressed, for the next dialog
}

// macCall is one run of a program.
type macCall struct {
	pid  string
	argv []string
}

// fakeTool notes the process and its arguments, each ending in NUL.
const fakeTool = `#!/bin/sh
dir=${0%/*}
note=$(mktemp "$dir/call.XXXXXX")
printf '%s\0' $$ "${0##*/}" "$@" >"$note"
echo "$note" >"$dir/calls"
`

// fakeTools do what the real ones do as far as the next program is concerned.
var fakeTools = map[string]string{
	"launchctl": `shift 2; exec "$@"`,
	"sudo":      `while [ "$1" != -- ]; do shift; done; shift; exec "$@"`,
	"osascript": `read -r how what <"$dir/replies"
if [ "$how" = fail ]; then
	printf '%s\n' 'this line is about nothing' "$what" >&2
	exit 1
fi
printf '%s\n' "$what"`,
}

// me is a login of whoever runs the tests.
func me(line string) utmpxEntry {
	return utmpxEntry{pid: os.Getpid(), user: account.Caller(), line: line, since: time.Unix(1700000000, 0)}
}

func newMacWorld(t *testing.T) *macWorld {
	t.Helper()
	dir := t.TempDir()
	w := &macWorld{t: t, dir: dir, ptys: map[string]*hosttest.PTY{}, dialog: &hosttest.Screen{},
		calls: make(chan macCall, 64), shown: make(chan time.Time, 64)}
	tool := func(name string) string { return filepath.Join(dir, name) }
	for name, does := range fakeTools {
		w.script(name, fakeTool+does)
	}
	write(t, tool("passwd"), fmt.Appendf(nil, "%s:x:%d:0::/:/bin/sh\nalice:x:70501:20::/:/bin/sh\nbob:x:70502:20::/:/bin/sh\n", account.Caller(), os.Getuid()))
	w.mac = &mac{
		name: "test", dev: "/dev/pts", console: tool("console"), utmpx: tool("utmpx"),
		isTTY: func(name string) bool { return w.ptys[name] != nil },
		tools: macTools{osascript: tool("osascript"), launchctl: tool("launchctl"), sudo: tool("sudo"), who: tool("who")},
		users: account.NewAt(dir), uid: os.Getuid(), settled: func() <-chan time.Time { return w.shown },
	}
	w.reply = w.pipe("replies")
	go w.listen(w.pipe("calls"))
	return w
}

func (w *macWorld) script(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

// pipe makes a named pipe that is never at its end while the test runs.
func (w *macWorld) pipe(name string) *os.File {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		w.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { f.Close() })
	return f
}

// listen takes what the programs note. A dialog settles when it is noted.
func (w *macWorld) listen(notes *os.File) {
	lines := bufio.NewScanner(notes)
	for lines.Scan() {
		b, err := os.ReadFile(lines.Text())
		if err != nil {
			return
		}
		fields := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
		call := macCall{fields[0], fields[1:]}
		if call.argv[0] == "osascript" {
			_, _ = w.dialog.Write([]byte(strings.Join(call.argv[4:6], "\n")))
			w.shown <- time.Now()
		}
		w.calls <- call
	}
}

// login writes a login into utmpx.
func (w *macWorld) login(e utmpxEntry) {
	w.t.Helper()
	w.logins = append(w.logins, e)
	write(w.t, w.utmpx, utmpxFile(w.logins...))
}

// terminal signs whoever runs the tests in on a real terminal.
func (w *macWorld) terminal(p *hosttest.PTY) string {
	w.t.Helper()
	line := strings.TrimPrefix(p.Name, "pts/")
	w.ptys[line] = p
	w.login(me(line))
	return line
}

// atScreen makes the console somebody's.
func (w *macWorld) atScreen(uid int) {
	w.t.Helper()
	write(w.t, w.console, nil)
	if err := os.Chown(w.console, uid, -1); err != nil {
		w.t.Skipf("only root can make the console somebody's: %v", err)
	}
}

// send sends and returns the last receipt of each session.
func (w *macWorld) send(ctx context.Context, target string, m msg.Message) map[string]msg.Receipt {
	w.t.Helper()
	to, err := msg.ParseTarget(target)
	if err != nil {
		w.t.Fatal(err)
	}
	last := map[string]msg.Receipt{}
	if err := w.Send(ctx, to, m, func(r msg.Receipt) { last[r.Session.ID] = r }); err != nil {
		w.t.Fatal(err)
	}
	return last
}

// press answers the next dialog, see fakeTools.
func (w *macWorld) press(reply string) {
	w.t.Helper()
	if _, err := w.reply.WriteString(reply + "\n"); err != nil {
		w.t.Fatal(err)
	}
}

func myDesktop() string { return fmt.Sprintf("gui/%d", os.Getuid()) }

func TestMacContract(t *testing.T) {
	t.Parallel()
	hosttest.Contract(t, func(t *testing.T) hosttest.Fixture {
		w := newMacWorld(t)
		w.login(me(macConsole))
		for range 2 {
			w.terminal(hosttest.OpenPTY(t, 80, 24))
		}
		return hosttest.Fixture{Host: w, Waits: true, Screen: func(s msg.Session) *hosttest.Screen {
			if s.Kind == msg.KindDesktop {
				return w.dialog
			}
			return w.ptys[s.Name].Screen
		}}
	})
}

// Close makes a mac a msg.Host, as Local does.
func (*macWorld) Close() error { return nil }

// listed writes sessions as a test compares them.
func listed(sessions []msg.Session) []string {
	var lines []string
	for _, s := range sessions {
		lines = append(lines, strings.TrimSpace(fmt.Sprintln(s.ID, s.Name, s.User, s.Account, s.Kind, s.State, s.Console, s.Source)))
	}
	return lines
}

func TestMacSessions(t *testing.T) {
	w := newMacWorld(t)
	at := func(second int64) time.Time { return time.Unix(1700000000+second, 0) }
	w.atScreen(70501)
	w.login(utmpxEntry{pid: os.Getpid(), user: "alice", line: macConsole, since: at(1)})
	w.login(utmpxEntry{pid: os.Getpid(), user: "bob", line: macConsole, since: at(2)}) // fast user switching
	line := w.terminal(hosttest.OpenPTY(t, 80, 24))
	theirs := hosttest.OpenPTY(t, 80, 24)
	w.ptys[strings.TrimPrefix(theirs.Name, "pts/")] = theirs
	w.login(utmpxEntry{pid: os.Getpid(), user: "alice", line: strings.TrimPrefix(theirs.Name, "pts/")}) // not alice's
	w.login(utmpxEntry{pid: 1 << 30, user: "bob", line: line})                                          // has ended
	w.login(utmpxEntry{pid: os.Getpid(), user: "nobody-knows", line: macConsole})
	w.login(utmpxEntry{pid: os.Getpid(), user: account.Caller(), line: "../../dev/null"})
	sessions, err := w.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	me := fmt.Sprintf("%s %d", account.Caller(), os.Getuid())
	want := []string{
		fmt.Sprintf("%s %s %s terminal active false utmpx", line, line, me),
		"gui/70501 console alice 70501 desktop active true utmpx",
		"gui/70502 console bob 70502 desktop disconnected false utmpx",
	}
	if got := listed(sessions); !slices.Equal(got, want) {
		t.Errorf("sessions\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if sessions[0].Idle < 0 || !sessions[1].Since.Equal(at(1)) {
		t.Errorf("idle %v, since %v", sessions[0].Idle, sessions[1].Since)
	}
}

func TestMacSessionsWithoutUtmpx(t *testing.T) {
	w := newMacWorld(t)
	p := hosttest.OpenPTY(t, 80, 24)
	line := strings.TrimPrefix(p.Name, "pts/")
	w.ptys[line] = p
	w.script("who", fmt.Sprintf("#!/bin/sh\ncat <<E\nalice    console  Nov 24 08:01 \n%s    %s  Nov 24 08:02  (192.0.2.1)\nhalf\n\nE\n", account.Caller(), line))
	sessions, err := w.Sessions(t.Context())
	want := []string{
		fmt.Sprintf("%s %s %s %d terminal active false who", line, line, account.Caller(), os.Getuid()),
		"gui/70501 console alice 70501 desktop disconnected false who",
	}
	if got := listed(sessions); err != nil || !slices.Equal(got, want) {
		t.Errorf("sessions %q, %v; want %q", got, err, want)
	}
	w.script("who", "#!/bin/sh\nexit 1\n")
	if sessions, err := w.Sessions(t.Context()); err == nil {
		t.Errorf("nothing works, and there are %q", listed(sessions))
	}
	w.atScreen(70502)
	sessions, err = w.Sessions(t.Context())
	if got := listed(sessions); err != nil || !slices.Equal(got, []string{"gui/70502 console bob 70502 desktop active true console"}) {
		t.Errorf("with the console alone: %q, %v", got, err)
	}
}

func TestMacTTY(t *testing.T) {
	for name, want := range map[string]bool{
		"ttys000": true, "ttys1234": true, "ttyp0": true, "ttyw9": true,
		"": false, "tty": false, "ttys": false, "console": false, "ttys0/../x": false, "../ttys000": false, "tty.usbserial": false,
		"ttysxyz": false, "ttys00000": false, "pts/3": false,
	} {
		if macTTY(name) != want {
			t.Errorf("macTTY(%q) = %v", name, !want)
		}
	}
}

func TestMacStuckTerminal(t *testing.T) {
	w := newMacWorld(t)
	stuck := w.terminal(hosttest.OpenStuckPTY(t))
	healthy := w.terminal(hosttest.OpenPTY(t, 80, 24))
	got := w.send(t.Context(), "*", hosttest.Message("to all"))
	if r := got[stuck]; r.Outcome != msg.OutcomeFailed || r.Detail != errStuck.Error() {
		t.Errorf("stuck: %+v", r)
	}
	if r := got[healthy]; r.Outcome != msg.OutcomeAccepted {
		t.Errorf("healthy: %+v", r)
	}
}

func TestMacDeliver(t *testing.T) {
	w := newMacWorld(t)
	w.terminal(hosttest.OpenPTY(t, 80, 24))
	sessions, err := w.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	later := sessions[0]
	later.Since = later.Since.Add(time.Hour)
	for _, c := range []struct {
		to   msg.Session
		m    msg.Message
		want msg.Outcome
	}{
		{sessions[0], hosttest.Message("x"), msg.OutcomeAccepted},
		{later, hosttest.Message("x"), msg.OutcomeGone},
		{sessions[0], msg.Message{}, msg.OutcomeFailed},
	} {
		var got []msg.Receipt
		w.Deliver(t.Context(), []msg.Session{c.to}, c.m, func(r msg.Receipt) { got = append(got, r) })
		if len(got) != 1 || got[0].Outcome != c.want || !got[0].Final || got[0].Session.ID != c.to.ID {
			t.Errorf("receipts %+v, want one that says %s", got, c.want)
		}
	}
}

// TestMacInterrupted holds that nothing of a dialog is left when its sender
// gives up.
func TestMacInterrupted(t *testing.T) {
	w := newMacWorld(t)
	w.login(me(macConsole))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		var pid int
		if _, err := fmt.Sscan((<-w.calls).pid, &pid); err != nil {
			ended <- err
			return
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			ended <- err
			return
		}
		cancel()
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10000)
		if err == nil && n == 0 {
			err = errors.New("it is still there")
		}
		ended <- err
	}()
	m := hosttest.Message("never mind")
	m.Wait, m.Timeout = true, 0
	if r := w.send(ctx, "*", m)[myDesktop()]; r.Outcome != msg.OutcomeFailed || r.Detail != "interrupted" {
		t.Errorf("receipt %+v", r)
	}
	if err := <-ended; err != nil {
		t.Errorf("the dialog: %v", err)
	}
}
