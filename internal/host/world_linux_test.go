package host

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/account"
	"msg/internal/hosttest"
)

func TestMain(m *testing.M) {
	if IsHelper() {
		os.Exit(RunHelper(nil))
	}
	os.Exit(m.Run())
}

// world is a computer of its own: real terminals, but a /proc and a utmp that
// hold what the test puts there, and no logind. Nobody who is really signed in
// can be sent anything.
type world struct {
	*Local
	t    testing.TB
	ptys map[string]*hosttest.PTY
	pids map[string]int // of those with a process of their own
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, ptys: map[string]*hosttest.PTY{}, pids: map[string]int{}, Local: (&Local{
		name:    "test",
		proc:    procFS{root: filepath.Join(dir, "proc")},
		dev:     devFS{root: "/dev"},
		utmp:    []string{filepath.Join(dir, "utmp")},
		bus:     "unix:path=" + filepath.Join(dir, "bus"),
		seat:    filepath.Join(dir, "active"),
		watched: []folder{utmpFolder(dir)},
		users:   account.New(),
	}).ready()}
	w.windows.within = map[string]time.Duration{surfaceTmux: 20 * time.Second, surfaceDesktop: 20 * time.Second} // for busy machines
	w.windows.desktop = desktopRequest{Proc: w.proc.root, X11: filepath.Join(dir, "x11"), Runtime: filepath.Join(dir, "run")}
	t.Cleanup(func() { _ = w.Close() })
	w.process(process{pid: os.Getpid(), comm: "test", session: 1})
	w.socket("/run/systemd/notify")
	return w
}

// socket adds a listening socket to the world's /proc/net/unix.
func (w *world) socket(path string) {
	w.t.Helper()
	const head = "Num       RefCount Protocol Flags    Type St Inode Path\n"
	name := w.proc.root + "/net/unix"
	b, err := os.ReadFile(name)
	if err != nil {
		b = []byte(head)
	}
	write(w.t, name, append(b, "0000000000000000: 00000002 00000000 00010000 0001 01 12345 "+path+"\n"...))
}

// process puts a process into the world's /proc.
func (w *world) process(p process) {
	w.t.Helper()
	dir := w.proc.path(p.pid, "")
	if err := os.MkdirAll(filepath.Join(dir, "ns"), 0o755); err != nil {
		w.t.Fatal(err)
	}
	write(w.t, filepath.Join(dir, "stat"), []byte(statLine(p)))
	me := os.Getuid()
	write(w.t, filepath.Join(dir, "status"), fmt.Appendf(nil, "Name:\t%s\nUid:\t%d\t%d\t%d\t%d\n", p.comm, me, me, me, me))
}

// statLine writes what parseStat reads.
func statLine(p process) string {
	tty := int32(uint32(p.tty)) // the kernel's form is the lower half of dev_t
	return fmt.Sprintf("%d (%s) S %d %d %d %d %d 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n",
		p.pid, p.comm, p.parent, p.session, p.session, tty, p.foreground, p.start)
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// login puts a login on a terminal into utmp, in the name of whoever runs the
// test, who owns the terminal.
func (w *world) login(p *hosttest.PTY) *hosttest.PTY {
	w.t.Helper()
	w.ptys[p.Name] = p
	w.record(utmpEntry{pid: os.Getpid(), line: p.Name, user: account.Caller(), since: time.Unix(1700000000, 0)})
	return p
}

// shell is login with a process of its own, which leave takes away. Without
// one, the number of a terminal that was closed may be in use again before
// anybody looks: other programs open terminals too.
func (w *world) shell(p *hosttest.PTY) *hosttest.PTY {
	w.t.Helper()
	w.ptys[p.Name] = p
	pid := shellPID + len(w.ptys)
	w.pids[p.Name] = pid
	w.process(process{pid: pid, comm: "bash", session: pid, start: 1})
	w.record(utmpEntry{pid: pid, line: p.Name, user: account.Caller(), since: time.Unix(1700000000, 0)})
	return p
}

// shellPID is above the process IDs of the other tests.
const shellPID = 100000

// leave ends the process and closes the terminal.
func (w *world) leave(p *hosttest.PTY) {
	if err := os.RemoveAll(w.proc.path(w.pids[p.Name], "")); err != nil {
		w.t.Error(err)
	}
	p.Hangup()
}

func (w *world) record(e utmpEntry) {
	w.t.Helper()
	f, err := os.OpenFile(w.utmp[0], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(utmpRecord(utmpOf(runtime.GOARCH), utmpUserProcess, e)); err != nil {
		w.t.Fatal(err)
	}
}

func utmpRecord(l utmpLayout, typ uint16, e utmpEntry) []byte {
	b := make([]byte, l.size)
	binary.NativeEndian.PutUint16(b, typ)
	binary.NativeEndian.PutUint32(b[4:], uint32(e.pid))
	copy(b[utmpLine:utmpLine+32], e.line)
	copy(b[utmpUser:utmpUser+32], e.user)
	copy(b[utmpHost:utmpHost+256], e.host)
	binary.NativeEndian.PutUint32(b[l.seconds:], uint32(e.since.Unix()))
	return b
}

// places lists what there is, with early as in listNow.
func (w *world) places(ctx context.Context, early map[uint64]bool) ([]place, error) {
	x, err := w.listNow(ctx, early)
	if err != nil {
		return nil, err
	}
	return x.places, nil
}

// send sends to target and returns the receipts by session name, in order.
func (w *world) send(target string, m msg.Message) (map[string]msg.Receipt, []string) {
	w.t.Helper()
	to, err := msg.ParseTarget(target)
	if err != nil {
		w.t.Fatal(err)
	}
	receipts, order := map[string]msg.Receipt{}, []string(nil)
	err = w.Send(w.t.Context(), to, m, func(r msg.Receipt) {
		receipts[r.Session.Name] = r
		order = append(order, r.Session.Name)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return receipts, order
}

func TestContract(t *testing.T) {
	hosttest.Contract(t, func(t *testing.T) hosttest.Fixture {
		w := newWorld(t)
		for range 3 {
			w.login(hosttest.OpenPTY(t, 80, 24))
		}
		screen := func(s msg.Session) *hosttest.Screen { return w.ptys[s.Name].Screen }
		return hosttest.Fixture{Host: w, Screen: screen, Waits: true, Answer: w.Answer}
	})
}

func TestStuckTerminals(t *testing.T) {
	w := newWorld(t)
	var healthy, stuck []string
	for range 4 {
		healthy = append(healthy, w.login(hosttest.OpenPTY(t, 80, 24)).Name)
	}
	stuck = append(stuck, w.login(hosttest.OpenStuckPTY(t)).Name, w.login(hosttest.OpenStoppedPTY(t)).Name)
	for range 4 {
		healthy = append(healthy, w.login(hosttest.OpenPTY(t, 80, 24)).Name)
	}
	receipts, order := w.send("*", hosttest.Message("to all"))
	for _, name := range healthy {
		if r := receipts[name]; r.Outcome != msg.OutcomeAccepted {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for _, name := range stuck {
		if r := receipts[name]; r.Outcome != msg.OutcomeFailed || r.Detail != "terminal is not taking output" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for _, name := range order[:len(healthy)] {
		if name == stuck[0] || name == stuck[1] {
			t.Errorf("%s delayed the others: %v", name, order)
		}
	}
}

func TestManyMoreStuckThanWriters(t *testing.T) {
	w := newWorld(t)
	stuck := map[string]bool{}
	for range maxWaiting + 6 { // more than may wait, too
		stuck[w.login(hosttest.OpenStoppedPTY(t)).Name] = true
	}
	last := w.login(hosttest.OpenPTY(t, 80, 24))
	receipts, _ := w.send("*", hosttest.Message("to all"))
	for name, r := range receipts {
		if want := map[bool]msg.Outcome{true: msg.OutcomeFailed, false: msg.OutcomeAccepted}[stuck[name]]; r.Outcome != want {
			t.Errorf("%s: %+v, want %s", name, r, want)
		}
	}
	if len(receipts) != maxWaiting+7 || receipts[last.Name].Outcome != msg.OutcomeAccepted {
		t.Errorf("%d receipts, %s: %+v", len(receipts), last.Name, receipts[last.Name])
	}
}

func TestTerminalThatTakesItLate(t *testing.T) {
	w := newWorld(t)
	p := w.login(hosttest.OpenStuckPTY(t))
	go p.Drain()
	receipts, _ := w.send("*", hosttest.Message(strings.Repeat("late ", 1000)))
	if r := receipts[p.Name]; r.Outcome != msg.OutcomeAccepted {
		t.Errorf("receipt %+v", r)
	}
}

func TestTerminalThatVanishes(t *testing.T) {
	w := newWorld(t)
	gone, stays := w.login(hosttest.OpenStuckPTY(t)), w.login(hosttest.OpenPTY(t, 80, 24))
	places, err := w.places(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	go gone.Hangup() // before it is opened, or while it is waited for
	outcomes := map[string]msg.Outcome{}
	w.newRun(t.Context(), hosttest.Message("still there?")).deliver(places, func(r msg.Receipt) {
		outcomes[r.Session.Name] = r.Outcome
	})
	if outcomes[gone.Name] != msg.OutcomeGone || outcomes[stays.Name] != msg.OutcomeAccepted {
		t.Errorf("outcomes %v", outcomes)
	}
}

func TestOpenTerminalChecks(t *testing.T) {
	p := hosttest.OpenPTY(t, 80, 24)
	dev := devFS{root: "/dev"}
	d, err := dev.stat(p.Name)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/dev/"+p.Name, link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	write(t, file, nil)
	for _, c := range []struct {
		name, path string
		rdev       uint64
		uid        uint32
		ok         bool
	}{
		{"as it was listed", "/dev/" + p.Name, d.rdev, d.owner, true},
		{"another owner", "/dev/" + p.Name, d.rdev, d.owner + 1, false},
		{"another device", "/dev/" + p.Name, d.rdev + 1, d.owner, false},
		{"a link", link, d.rdev, d.owner, false},
		{"a file", file, d.rdev, d.owner, false},
		{"nothing", filepath.Join(dir, "none"), d.rdev, d.owner, false},
		{"a directory", dir, d.rdev, d.owner, false},
	} {
		o, err := openTerminal(c.path, c.rdev, c.uid)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			_ = os.NewFile(uintptr(o.fd), c.path).Close()
		}
	}
	if got := p.Screen.String(); got != "" {
		t.Errorf("opening wrote %q", got)
	}
}

func TestWidthOfTheTerminal(t *testing.T) {
	w := newWorld(t)
	narrow, wide := w.login(hosttest.OpenPTY(t, 40, 24)), w.login(hosttest.OpenPTY(t, 200, 50))
	unknown := w.login(hosttest.OpenPTY(t, 0, 0))
	m := hosttest.Message(strings.Repeat("word ", 60) + "end")
	w.send("*", m)
	for p, want := range map[*hosttest.PTY]int{narrow: 38, wide: 78, unknown: 78} {
		if !p.Screen.Wait(t.Context(), "┘") {
			t.Fatal("no block")
		}
		for _, line := range strings.Split(strings.TrimSpace(strings.Trim(p.Screen.String(), "\a")), "\r\n") {
			if n := len([]rune(strings.Trim(line, "\r\a"))); n != want && n != 0 {
				t.Errorf("%s: a line of %d cells, want %d: %q", p.Name, n, want, line)
			}
		}
	}
}

// TestEarly holds what the fast way for everybody promises: the terminals of
// utmp have the message before the list is made, nobody gets it twice, and
// receipts speak of the sessions of the list.
func TestEarly(t *testing.T) {
	w := newWorld(t)
	w.bus = hosttest.Bus(t)
	both, only, late := hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24)
	w.login(both)
	w.login(only)
	w.onTTY(801, 1, "bash", late.Name, "/user.slice/session-2.scope", 5)
	hosttest.Logind(t, w.bus, session("1", both.Name), session("2", ""))
	m := hosttest.Message("to all")

	r := w.newRun(t.Context(), m)
	r.early()
	if len(r.written) != 2 {
		t.Fatalf("%d terminals are written to early, want the two of utmp", len(r.written))
	}
	r.abandon()

	receipts, _ := w.send("*", m)
	for p, id := range map[*hosttest.PTY]string{both: "1", only: only.Name, late: "2"} {
		if got := receipts[p.Name]; got.Session.ID != id || got.Outcome != msg.OutcomeAccepted {
			t.Errorf("%s: receipt %+v, want session %s", p.Name, got, id)
		}
		if !p.Screen.Wait(t.Context(), "to all") {
			t.Errorf("%s shows nothing", p.Name)
		}
	}
}

func TestMayHaveTmux(t *testing.T) {
	for path, want := range map[string]bool{
		"/tmp/tmux-1000/default":           true,
		"/run/user/1000/tmux-1000/default": true,
		"/tmp/pair":                        true,
		"/home/bob/sock":                   true,
		"/run/dbus/system_bus_socket":      false,
		"/var/run/docker.sock":             false,
		"/tmp/.X11-unix/X0":                false,
		"@/tmp/.X11-unix/X0":               false,
	} {
		w := newWorld(t)
		w.socket(path)
		if got := mayHaveTmux(w.proc.root + "/net/unix"); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if !mayHaveTmux(filepath.Join(t.TempDir(), "none")) {
		t.Error("without the list there may be one")
	}
}
