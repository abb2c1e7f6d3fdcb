package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"msg"
	"msg/internal/account"
	"msg/internal/hosttest"
)

// peerVar makes this program a client of the socket that it names.
const peerVar = "MSG_TEST_PEER"

func TestMain(m *testing.M) {
	path := os.Getenv(peerVar)
	if path == "" {
		os.Exit(m.Run())
	}
	_, err := NewClient(DialLocal(path), "").Answer(context.Background(), msg.Answer{Button: "yes"})
	fmt.Println("answered:", err)
	_, _ = os.Stdin.Read(make([]byte, 1)) // lives until it is killed
}

// peerCommand is a client in a process of its own.
func peerCommand(path string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{peerVar + "=" + path}
	return cmd
}

// TestPeer asks the kernel about a process on a terminal of its own, which is
// another user's and in some groups if that can be had.
func TestPeer(t *testing.T) {
	f := newService()
	db := account.New()
	gids := []uint32{uint32(os.Getgid())}
	own, _ := os.Getgroups()
	for _, g := range own {
		gids = append(gids, uint32(g))
	}
	uid := uint32(os.Getuid())
	var attr *syscall.SysProcAttr
	if uid == 0 {
		uid, gids = 70001, []uint32{70001, 4, 24}
		attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: 70001, Groups: gids[1:]}}
	}
	want := []string{}
	for _, g := range gids {
		if name := db.GroupName(g); name != strconv.Itoa(int(g)) && !slices.Contains(want, name) {
			want = append(want, name)
		}
	}
	path := listening(t, &Server{Service: f, Host: "web1", Groups: append([]string{"no-such-group"}, want...)})
	pty := hosttest.OpenPTY(t, 80, 24)
	cmd := peerCommand(path)
	cmd.SysProcAttr = attr
	pty.Start(t, cmd)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if !pty.Screen.Wait(ctx, "answered: <nil>") {
		t.Fatalf("the client says %q", pty.Screen)
	}
	p := <-f.asked
	if p.User != db.Name(uid) || p.Account != fmt.Sprint(uid) || p.Host != "web1" || p.Superuser {
		t.Errorf("%+v, want user %d", p, uid)
	}
	if !slices.Equal(p.Groups, want) {
		t.Errorf("groups %q, want %q", p.Groups, want)
	}
	if p.Terminal != pty.Name {
		t.Errorf("terminal %q, want %q", p.Terminal, pty.Name)
	}
	cgroup, err := os.ReadFile("/proc/self/cgroup")
	if err != nil || p.Session != parseCgroup(string(cgroup)) {
		t.Errorf("session %q, want that of %s", p.Session, cgroup)
	}
}

// TestPeerSelf sends without belonging to any group that is asked about.
func TestPeerSelf(t *testing.T) {
	f := newService()
	c := NewClient(DialLocal(listening(t, &Server{Service: f})), "")
	if err := c.Send(t.Context(), msg.Target{msg.ParseSelector("bob")}, hosttest.Message("x"), func(msg.Receipt) {}); err != nil {
		t.Fatal(err)
	}
	if p := <-f.asked; p.Account != fmt.Sprint(os.Geteuid()) || p.Superuser != (os.Geteuid() == 0) || len(p.Groups) > 0 {
		t.Errorf("%+v", p)
	}
}

// TestPeerGone looks for the place of a client that has ended: another process
// may have its number by then.
func TestPeerGone(t *testing.T) {
	l, err := net.Listen("unix", folder(t)+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pty := hosttest.OpenPTY(t, 80, 24)
	cmd := peerCommand(l.Addr().String())
	pty.Start(t, cmd)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p, err := peerOf(conn)
	if err != nil || p.pid != cmd.Process.Pid {
		t.Fatalf("peer %d, %v; want %d", p.pid, err, cmd.Process.Pid)
	}
	if terminal, _ := p.place(); terminal != pty.Name {
		t.Errorf("terminal %q, want %q", terminal, pty.Name)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	// As if its number had come round: this process is on no other terminal
	// than that, but it is not the one that connected.
	p.pid = startOn(t, pty)
	if terminal, session := p.place(); terminal != "" || session != "" {
		t.Errorf("%q, %q is the place of a process that has ended", terminal, session)
	}
	if _, err := p.groups(); err != nil {
		t.Errorf("groups, which the kernel has noted: %v", err)
	}
}

// startOn starts a process on a terminal and returns its number.
func startOn(t *testing.T, _ *hosttest.PTY) int {
	other := hosttest.OpenPTY(t, 80, 24)
	cmd := exec.Command("/bin/cat")
	other.Start(t, cmd)
	return cmd.Process.Pid
}

// TestManyGroups is a client in more groups than there is room for at first.
func TestManyGroups(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("joining groups needs root")
	}
	l, err := net.Listen("unix", folder(t)+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := peerCommand(l.Addr().String())
	cred := &syscall.Credential{Uid: 0, Gid: 70000}
	for g := range uint32(1000) {
		cred.Groups = append(cred.Groups, 80000+g)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p, err := peerOf(conn)
	if err != nil {
		t.Fatal(err)
	}
	gids, err := p.groups()
	if want := append(cred.Groups, 70000); err != nil || !slices.Equal(gids, want) {
		t.Errorf("%d groups, %v; want %d", len(gids), err, len(want))
	}
}

// TestLives is what is left where the kernel has no handles: a process that
// began before the connection may be the one that connected.
func TestLives(t *testing.T) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, start, ok := parseStat(string(stat))
	now := time.Now()
	if !ok || !(peer{seen: now}).lives(-1, start) {
		t.Error("this process, which is older than its connections, is not believed")
	}
	if (peer{seen: now.Add(-time.Hour)}).lives(-1, start) {
		t.Error("a process is believed that began after the connection")
	}
}

func TestPeerOfOther(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	if _, err := peerOf(ours); err == nil {
		t.Error("a pipe within this process says who is at its other end")
	}
	if !(peer{pid: 0}).foreign() || (peer{pid: os.Getpid()}).foreign() {
		t.Error("foreign: a process that cannot be seen, or this one")
	}
	if terminal, session := (peer{}).place(); terminal != "" || session != "" {
		t.Errorf("a process that cannot be seen is at %q, %q", terminal, session)
	}
}

// TestForeign looks at a process in a user namespace.
func TestForeign(t *testing.T) {
	cmd := exec.Command("/bin/cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL) {
		t.Skipf("there are no user namespaces to be had here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = cmd.Wait() }()
	if !(peer{pid: cmd.Process.Pid}).foreign() {
		t.Error("a process in a user namespace is like any other")
	}
}

func TestParseStat(t *testing.T) {
	tail := strings.Repeat(" 0", 12) + " 777 0"
	for stat, want := range map[string]struct {
		tty   uint32
		start uint64
		ok    bool
	}{
		"1 (msg) S 1 1 1 34819 1" + strings.Repeat(" 0", 13) + " 777 0":          {34819, 777, true},
		"1 (a) S 9 (b) 9) S 1 1 1 34819 1" + strings.Repeat(" 0", 13) + " 777 0": {34819, 777, true},
		"1 (x\n) R 1 1 1 0 -1" + strings.Repeat(" 0", 13) + " 777":               {0, 777, true},
		"1 (msg) S 1 1 1 -2147448829 1" + strings.Repeat(" 0", 13) + " 777 0":    {0x80008803, 777, true},
		"1 (msg) S 1 1 1 34819 1":                   {},
		"1 (msg) S 1 1 1 x 1" + tail + " 0":         {},
		"1 (msg) S 1 1 1 34819 1" + tail[:24] + "x": {},
		"": {},
	} {
		tty, start, ok := parseStat(stat)
		if ok != want.ok || ok && (tty != want.tty || start != want.start) {
			t.Errorf("%q: %#x, %d, %v; want %+v", stat, tty, start, ok, want)
		}
	}
}

func TestTTYName(t *testing.T) {
	for number, want := range map[uint32]string{
		0:                   "",
		136<<8 | 3:          "pts/3",
		137<<8 | 1:          "pts/1048577", // 2 to the power of 20 for each major
		136<<8 | 0x12300004: "pts/74500",
		4<<8 | 2:            "tty2",
		5<<8 | 1:            "console",
		1<<8 | 250:          "", // there is none
	} {
		if want == "console" {
			if _, err := os.Stat("/sys/dev/char/5:1/uevent"); err != nil {
				continue
			}
		}
		if got := ttyName(number); got != want {
			t.Errorf("%#x is %q, want %q", number, got, want)
		}
	}
}

func TestParseCgroup(t *testing.T) {
	for text, want := range map[string]string{
		"0::/user.slice/user-1000.slice/session-3.scope\n":                                         "3",
		"0::/user.slice/user-1000.slice/session-c1.scope/sub\n":                                    "c1",
		"12:cpu:/\n1:name=systemd:/user.slice/user-0.slice/session-9.scope\n0::/\n":                "9",
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n":                   "",
		"0::/user.slice/user-1000.slice/user@1000.service/session-3.scope\n":                       "", // made by the user
		"0::/user.slice/user-1000.slice/user@1000.service/user.slice/user-0.slice/session-3.scope": "",
		"5:memory:/user.slice/user-1000.slice/session-3.scope\n0::/system.slice/cron.service\n":    "", // another's hierarchy
		"4:name=elogind:/c2\n":                 "c2",
		"4:name=elogind:/\n":                   "",
		"0::/user.slice/session-3.scope.d/x\n": "",
		"0::/user.slice/xsession-3.scope/x\n":  "",
		"":                                     "",
		"0::/\n":                               "",
		"nonsense":                             "",
	} {
		if got := parseCgroup(text); got != want {
			t.Errorf("%q: session %q, want %q", text, got, want)
		}
	}
}

func FuzzProc(f *testing.F) {
	f.Add("1 (a) S 9 (b) 9) S 1 1 1 34819 1"+strings.Repeat(" 0", 13)+" 777 0", "0::/user.slice/user-1000.slice/session-3.scope\n")
	f.Add("", "4:name=elogind:/c2\n")
	f.Fuzz(func(t *testing.T, stat, cgroup string) {
		if tty, _, ok := parseStat(stat); ok {
			ttyName(tty &^ 0xfff00) // of major 0 no file is read
		}
		if id := parseCgroup(cgroup); strings.ContainsAny(id, "/\n") {
			t.Errorf("the ID %q", id)
		}
	})
}
