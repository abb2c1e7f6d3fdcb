package lab_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"msg/test/lab"
)

// TestMain takes the settings of a CI job: CI itself, MSG_LAB_CACHE for a
// directory that it keeps, MSG_LAB_SHOTS for one with pictures of desktops, and
// MSG_LAB_GNOME if it has the time for GNOME.
func TestMain(m *testing.M) {
	lab.Require = os.Getenv("CI") != ""
	lab.Cache = os.Getenv("MSG_LAB_CACHE")
	lab.Shots = os.Getenv("MSG_LAB_SHOTS")
	lab.UseGNOME = os.Getenv("MSG_LAB_GNOME") != ""
	code := m.Run()
	removeCommands()
	removePackages()
	os.Exit(code)
}

// suites are the releases every test of a booted host runs on.
var suites = []string{"bookworm", "trixie"}

// eachSuite runs a test on a new host of each release, with the users alice and
// bob.
func eachSuite(t *testing.T, test func(t *testing.T, host *lab.Host)) {
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			test(t, withUsers(lab.Boot(t, suite)))
		})
	}
}

func withUsers(host *lab.Host) *lab.Host {
	host.AddUser("alice")
	host.AddUser("bob")
	return host
}

// waitFor ends the test if the text does not come to the terminal.
func waitFor(t *testing.T, term *lab.Term, text string) {
	t.Helper()
	if err := term.WaitFor(text, 10*time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestBoot(t *testing.T) {
	eachSuite(t, func(t *testing.T, host *lab.Host) {
		terms := []*lab.Term{host.SSH("alice"), host.SSH("alice"), host.SSH("bob"), host.Login("bob")}
		seen := map[string]bool{}
		for _, term := range terms {
			if tty := term.TTY(); seen[tty] || !strings.HasPrefix(tty, "pts/") {
				t.Errorf("terminal %q: not a pts, or the second of that name", tty)
			} else {
				seen[tty] = true
			}
		}
		if got := users(host); got != "alice alice bob bob" {
			t.Errorf("logind knows sessions of %q\n%s", got, host.Must("loginctl", "list-sessions"))
		}
		if r := host.Run(t.Context(), "systemctl", "is-system-running", "--wait"); r.Code != 0 {
			t.Errorf("the host is %s%s", r.Stdout, host.Must("systemctl", "--failed"))
		}
	})
}

// users returns the names of the people in sessions of logind, sorted.
func users(host *lab.Host) string {
	return strings.TrimSpace(host.Must("sh", "-c", `for s in $(loginctl list-sessions --no-legend | awk '{print $1}'); do
		loginctl show-session $s -p Class -p Name | grep -q '^Class=user$' && loginctl show-session $s -p Name --value
	done | sort | tr '\n' ' '`))
}

func TestTerm(t *testing.T) {
	host := withUsers(lab.Boot(t, "trixie"))
	term := host.SSH("alice")
	tty := term.TTY()
	host.Must("sh", "-c", "echo written to $1 >/dev/$1", "sh", tty)
	waitFor(t, term, "written to "+tty)
	term.Type("echo $((6*7))is\r")
	waitFor(t, term, "42is")

	command := host.SSH("bob", "cat")
	command.TTY()
	command.Type("typed\r")
	waitFor(t, command, "typed\r\ntyped\r\n")

	first, second := host.SSHTwice("bob")
	if first.TTY() == second.TTY() {
		t.Errorf("both terminals are %s", first.TTY())
	}
	// The session of alice, that of the command, and one for the two.
	if got := users(host); got != "alice bob bob" {
		t.Errorf("logind knows sessions of %q", got)
	}

	if err := term.WaitFor("never said", 50*time.Millisecond); err == nil {
		t.Error("WaitFor found what was never said")
	}
	term.Type("exit\r")
	if err := term.WaitFor("never said", time.Minute); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("WaitFor after the end of the terminal: %v", err)
	}
}

func TestSSHMany(t *testing.T) {
	const people, terminals = 10, 200
	host := lab.Boot(t, "trixie")
	var names []string
	for i := range people {
		names = append(names, fmt.Sprintf("user%02d", i))
		host.AddUser(names[i])
	}
	began := time.Now()
	terms := host.SSHMany(terminals, names...)
	t.Logf("%d terminals of %d people in %v", terminals, people, time.Since(began).Round(time.Millisecond))
	stat := []string{"stat", "--format=%n %U"}
	var want string
	for i, term := range terms {
		stat = append(stat, "/dev/"+term.TTY())
		want += "/dev/" + term.TTY() + " " + names[i%people] + "\n"
	}
	if got := host.Must(stat...); got != want {
		t.Errorf("the terminals belong to\n%s\nand should to\n%s", got, want)
	}
	if different := slices.Compact(slices.Sorted(slices.Values(stat))); len(different) != len(stat) {
		t.Errorf("some terminal is there twice: %q", stat)
	}
	if got := users(host); got != strings.Join(names, " ") {
		t.Errorf("logind knows sessions of %q, want one for each of %q", got, names)
	}
}

func TestScreen(t *testing.T) {
	host := withUsers(lab.Boot(t, "bookworm"))
	screen := host.Screen("alice")
	await(t, screen, lab.Shows("lab[/dev/pts/"))
	screen.Type(`printf '\033[2J\033[12;30Hhere'; read`)
	screen.Press("Enter")
	await(t, screen, func(screen string) bool {
		lines := strings.Split(screen, "\n")
		return len(lines) >= 24 && lines[11] == strings.Repeat(" ", 29)+"here" && strings.TrimSpace(lines[0]) == ""
	})
}

// TestScreenTmux presses keys in a popup of a tmux on the screen.
func TestScreenTmux(t *testing.T) {
	eachSuite(t, func(t *testing.T, host *lab.Host) {
		screen := host.Screen("alice")
		await(t, screen, lab.Shows("lab[/dev/pts/"))
		screen.Type("tmux")
		screen.Press("Enter")
		await(t, screen, lab.Shows("0:bash*"))
		screen.Type(`tmux display-popup -E 'echo in the popup; read -r x; echo "$x" >/tmp/answer'; echo back`)
		screen.Press("Enter")
		await(t, screen, lab.Shows("│in the popup"))
		screen.Type("yes")
		screen.Press("Enter")
		await(t, screen, func(screen string) bool {
			return strings.Contains(screen, "\nback") && !strings.Contains(screen, "│")
		})
		if got := host.Must("cat", "/tmp/answer"); got != "yes\n" {
			t.Errorf("the program in the popup read %q", got)
		}
	})
}

// await ends the test if the screen does not come to look as wanted.
func await(t *testing.T, screen *lab.Screen, wanted func(string) bool) {
	t.Helper()
	if err := screen.WaitFor(wanted, 10*time.Second); err != nil {
		t.Fatal(err)
	}
}

func TestRunAndCopy(t *testing.T) {
	host := lab.Bare(t, "bookworm")
	r := host.Run(t.Context(), "sh", "-c", "echo out; echo err >&2; exit 3")
	if r.Stdout != "out\n" || r.Stderr != "err\n" || r.Code != 3 {
		t.Errorf("Run: %+v", r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r := host.Run(ctx, "sleep", "60"); r.Code != -1 || r.Took > 5*time.Second {
		t.Errorf("Run beyond its time: %+v", r)
	}

	local := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(local, []byte("#!/bin/sh\necho copied\n"), 0o751); err != nil {
		t.Fatal(err)
	}
	for _, remote := range []string{"/usr/local/bin/tool", "/run/tool"} {
		host.Copy(local, remote)
		if got := host.Must("sh", "-c", "stat -c %a $1; sh $1", "sh", remote); got != "751\ncopied\n" {
			t.Errorf("%s: mode and output %q", remote, got)
		}
	}
}

func TestTwoHosts(t *testing.T) {
	first, second := lab.Boot(t, "bookworm"), withUsers(lab.Boot(t, "bookworm"))
	if r := first.Run(t.Context(), "id", "alice"); r.Code == 0 {
		t.Errorf("the first host has the users of the second: %s", r.Stdout)
	}
	term := second.SSH("alice")
	term.TTY()
	if got := users(first); got != "" {
		t.Errorf("the first host has the sessions of the second: %s", got)
	}
	if got := users(second); got != "alice" {
		t.Errorf("the second host has sessions of %q", got)
	}
	// They reach one another, for what goes from host to host.
	if r := first.Run(t.Context(), "sh", "-c", "exec </dev/null; timeout 5 bash -c '</dev/tcp/"+second.Addr+"/22'"); r.Code != 0 {
		t.Errorf("from %s to %s: %s", first.Addr, second.Addr, r.Stderr)
	}
}

func TestBare(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			host := withUsers(lab.Bare(t, suite))
			if tty := host.SSH("alice").TTY(); !strings.HasPrefix(tty, "pts/") {
				t.Errorf("terminal %q", tty)
			}
			for _, path := range []string{"/run/systemd", "/run/dbus", "/run/utmp", "/run/user"} {
				if r := host.Run(t.Context(), "test", "-e", path); r.Code != 1 {
					t.Errorf("%s exists", path)
				}
			}
			if r := host.Run(t.Context(), "loginctl", "list-sessions"); r.Code == 0 {
				t.Errorf("logind answers: %s", r.Stdout)
			}
			if r := host.Run(t.Context(), "pgrep", "-l", "systemd|dbus|logind"); r.Code != 1 {
				t.Errorf("running: %s%s", r.Stdout, r.Stderr)
			}
		})
	}
}

// TestNothingLeft looks at the test computer before there is a host and after it
// has gone.
func TestNothingLeft(t *testing.T) {
	before := traces()
	t.Run("host", func(t *testing.T) {
		host := withUsers(lab.Desktop(t))
		host.SSHMany(2, "alice", "bob")
		host.Login("alice").TTY()
		host.Screen("bob")
		host.XFCE("alice")
		host.Sway("bob", "mako")
		if maps.Equal(before, traces()) {
			t.Error("a host leaves no traces while it is there: they are not looked for in the right place")
		}
	})
	for what, after := range traces() {
		if after != before[what] {
			t.Errorf("%s were\n%s\nand are now\n%s", what, before[what], after)
		}
	}
}

// traces is what a host could leave behind on the test computer.
func traces() map[string]string {
	found := map[string]string{}
	for what, command := range map[string]string{
		"mounts":             "cat /proc/self/mounts",
		"network namespaces": "ip netns list",
		"network links":      "ls /sys/class/net",
		"control groups":     `find /sys/fs/cgroup -type d -path "*/msg-lab-$PPID-*"`,
		"child processes":    `pgrep -P $PPID | grep -v "^$$\$" || true`,
	} {
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		found[what] = fmt.Sprint(string(out), err)
	}
	return found
}
