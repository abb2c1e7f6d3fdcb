package host

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"msg/internal/account"
	"msg/internal/hosttest"
)

// about are the findings about something, in one text.
func about(found []Finding, what string) string {
	var lines []string
	for _, f := range found {
		if f.About == what {
			lines = append(lines, f.Found)
		}
	}
	return strings.Join(lines, "\n")
}

// wantFinding compares with a regular expression.
func wantFinding(t *testing.T, found []Finding, what, want string) {
	t.Helper()
	if got := about(found, what); !regexp.MustCompile(`\A(?:` + want + `)\z`).MatchString(got) {
		t.Errorf("%s: %q, want %s", what, got, want)
	}
}

func TestExamine(t *testing.T) {
	w := newWorld(t)
	w.bus = hosttest.Bus(t)
	known, utmpOnly := hosttest.OpenPTY(t, 80, 24), hosttest.OpenPTY(t, 80, 24)
	desktop := session("4", "")
	desktop.Type, desktop.Display, desktop.Seat = "x11", ":0", "seat0"
	greeter := session("6", "")
	greeter.Class = "greeter"
	hosttest.Logind(t, w.bus, session("1", known.Name), desktop, greeter)
	w.login(known)
	w.login(utmpOnly)
	for name, mode := range map[string]os.FileMode{known.Name: 0o620, utmpOnly.Name: 0o600} {
		if err := os.Chmod("/dev/"+name, mode); err != nil {
			t.Fatal(err)
		}
	}
	found := w.examine(t.Context())
	wantFinding(t, found, "logind", `3 sessions, 2 of them of people, in \S+s`)
	wantFinding(t, found, "/proc", `\d+ processes, terminals of them: 0, in \S+s`)
	wantFinding(t, found, "utmp", `2 entries, 2 of them logins`)
	wantFinding(t, found, "sessions", `3, in \S+s`)
	wantFinding(t, found, "session 1", known.Name+`, user 1, terminal, active, type tty, found by logind; can be written to`)
	wantFinding(t, found, "session "+utmpOnly.Name, utmpOnly.Name+`, user 1, terminal, active, type tty, found by utmp; can be written to, closed to others \(mesg n\)`)
	wantFinding(t, found, "session 4", `:0, user 1, desktop, active, type x11, found by logind, at the console; `+
		`bus: stat \S+/bus: no such file or directory \(error 2\); display :0: stat \S+/X0: no such file or directory \(error 2\)`)
	wantFinding(t, found, "notifications", `you have no bus: .* \(error 2\)`)
	for _, f := range found {
		if me := account.Caller(); me != "root" && strings.Contains(f.Found, me) {
			t.Errorf("%s: %q names %s", f.About, f.Found, me)
		}
	}
	for _, p := range []*hosttest.PTY{known, utmpOnly} {
		if shown := p.Screen.String(); strings.TrimSpace(shown) != "" {
			t.Errorf("%s was shown %q", p.Name, shown)
		}
	}
}

// TestExamineNothing has a computer where nothing is.
func TestExamineNothing(t *testing.T) {
	found := newWorld(t).examine(t.Context())
	wantFinding(t, found, "logind", `no logind here: .* \(error 2\), after \S+s`)
	wantFinding(t, found, "utmp", `there is none`)
	wantFinding(t, found, "sessions", `0, in \S+s`)
}

func TestExamineNotifications(t *testing.T) {
	runtime := t.TempDir()
	bus := hosttest.Bus(t)
	path := strings.TrimPrefix(bus, "unix:path=")
	path, _, _ = strings.Cut(path, ",")
	if err := os.Symlink(path, filepath.Join(runtime, "bus")); err != nil {
		t.Fatal(err)
	}
	if got := notifications(t.Context(), runtime); !strings.HasPrefix(got, "your bus has no service that runs: ") {
		t.Error(got)
	}
	hosttest.StartNotifications(t, bus, hosttest.XfceNotifier)
	if got := notifications(t.Context(), runtime); !regexp.MustCompile(`^Xfce Notify Daemon \S+ of \S+, shows buttons; .*: actions body`).MatchString(got) {
		t.Error(got)
	}
}

func TestSystem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "os-release")
	write(t, file, []byte("NAME=x\nPRETTY_NAME=\"Test Linux 1 (one)\"\n"))
	if got := system(file); !regexp.MustCompile(`^Test Linux 1 \(one\), kernel \S+, \S+$`).MatchString(got) {
		t.Error(got)
	}
	if got := system(file + "2"); !strings.HasPrefix(got, "unknown Linux, kernel ") {
		t.Error(got)
	}
	if name, err := os.Hostname(); err != nil || strings.Contains(system(file), name) {
		t.Errorf("%q is in %q", name, system(file))
	}
}
