package host

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseStat(t *testing.T) {
	const rest = " 0 0 0 0 0 0 0 0 0 20 0 1 0 8273 0 0"
	pts3 := unix.Mkdev(136, 3)
	for _, c := range []struct {
		name, line string
		want       process
	}{
		{"shell", "812 (bash) S 811 812 812 34819 900" + rest, process{812, 811, "bash", 812, pts3, 900, 8273}},
		{"no terminal", "1 (systemd) S 0 1 1 0 -1" + rest, process{1, 0, "systemd", 1, 0, -1, 8273}},
		{"parenthesis in the name", "5 (a) S 1 (b)) R 4 5 5 34819 5" + rest, process{5, 4, "a) S 1 (b)", 5, pts3, 5, 8273}},
		{"newline and escape in the name", "5 (a\n\x1b[m) S 4 5 5 0 5" + rest, process{5, 4, "a\n\x1b[m", 5, 0, 5, 8273}},
		{"minor over 255", "5 (x) S 4 5 5 1083396 5" + rest, process{5, 4, "x", 5, unix.Mkdev(136, 260), 5, 8273}},
	} {
		got, err := parseStat([]byte(c.line))
		if err != nil || got != c.want {
			t.Errorf("%s: parseStat = %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
	for _, line := range []string{"", "5", "5 (x", "5 (x)", "x (x) S 1 2 3", "-5 (x) S 4 5 5 0 5" + rest, "5 (x) S a b c d e" + rest, ") 5 ("} {
		if p, err := parseStat([]byte(line)); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", line, p)
		}
	}
}

func TestParseStatOfThisProcess(t *testing.T) {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	p, err := parseStat(b)
	if err != nil || p.pid != os.Getpid() || p.parent != os.Getppid() || p.start == 0 {
		t.Errorf("parseStat(%q) = %+v, %v", b, p, err)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("812 (bash) S 811 812 812 34819 900 0 0 0 0 0 0 0 0 0 20 0 1 0 8273 0 0"))
	f.Add([]byte("5 (a) S 1 (b)) R 4 5 5 34819 5 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseStat(b)
		if err != nil {
			return
		}
		if p.pid <= 0 {
			t.Fatalf("parseStat(%q) = %+v", b, p)
		}
		if name, ok := (devFS{}).nameOf(p.tty); ok && !ttyName(name) {
			t.Fatalf("device %d is called %q", p.tty, name)
		}
	})
}

func TestParseCgroup(t *testing.T) {
	for _, c := range []struct {
		name, in, scope string
		managed         bool
	}{
		{"unified", "0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope", false},
		{"hybrid", "12:pids:/user.slice\n1:name=systemd:/user.slice/user-0.slice/session-c2.scope\n0::/\n", "session-c2.scope", false},
		{"pane of a tmux in a session", "0::/user.slice/user-1000.slice/session-3.scope/tmux-spawn.scope\n", "session-3.scope", false},
		{"desktop terminal", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn.scope\n", "", true},
		{"service", "0::/system.slice/ssh.service\n", "", false},
		{"none", "", "", false},
	} {
		if scope, managed := parseCgroup(c.in); scope != c.scope || managed != c.managed {
			t.Errorf("%s: %q, %v", c.name, scope, managed)
		}
	}
}

func TestTTYName(t *testing.T) {
	for _, good := range []string{"pts/3", "tty1", "ttyS0", "hvc0", "ttyUSB0", "console", "pts/1048575"} {
		if !ttyName(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"", "/dev/pts/3", "../etc/passwd", "pts/../../etc", ".", "..", "./pts/3", "pts//3", "watchdog", "watchdog0", "mem", "tty", "ptmx", "shm/tty1", "ttyx/1", "pts/3x", "pts/", "a b", "a\x1b[m", strings.Repeat("x", 33), "ü"} {
		if ttyName(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestTmuxSocket(t *testing.T) {
	for _, c := range []struct{ name, argv, env, want string }{
		{"plain", "tmux\x00", "HOME=/root\x00", "/tmp/tmux-1000/default"},
		{"label", "tmux\x00-L\x00work\x00attach\x00", "", "/tmp/tmux-1000/work"},
		{"label without a blank, after a flag", "tmux\x00-2uLwork\x00new\x00", "", "/tmp/tmux-1000/work"},
		{"path", "tmux\x00-S\x00/run/t/sock\x00", "TMUX=/other,1,0\x00", "/run/t/sock"},
		{"relative path", "tmux\x00-S\x00sock\x00", "", "/tmp/tmux-1000/default"},
		{"directory", "tmux\x00", "TMUX_TMPDIR=/run/user/1000\x00", "/run/user/1000/tmux-1000/default"},
		{"inside another", "tmux\x00new\x00", "TMUX=/tmp/tmux-1000/outer,77,0\x00", "/tmp/tmux-1000/outer"},
		{"flags of the command are not tmux's", "tmux\x00attach\x00-S\x00/x\x00", "", "/tmp/tmux-1000/default"},
		{"value that looks like a flag", "tmux\x00-f\x00-L\x00-Lwork\x00", "", "/tmp/tmux-1000/work"},
	} {
		if got := tmuxSocket(c.argv, c.env, 1000); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzTmuxSocket(f *testing.F) {
	f.Add("tmux\x00-L\x00work\x00", "TMUX=/tmp/x,1,2\x00")
	f.Fuzz(func(t *testing.T, cmdline, environ string) {
		if tmuxSocket(cmdline, environ, 1000) == "" {
			t.Fatal("no socket")
		}
	})
}
