package lab_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"msg/test/lab"
)

// TestAbuse has bob do what he should not, and somebody else send meanwhile:
// everything arrives. How long that takes is printed, and fails nothing.
func TestAbuse(t *testing.T) {
	host := withUsers(lab.Boot(t, "bookworm"))
	install(t, host)
	startDaemon(t, host)
	copyProgram(t, host, "msg/test/abuse", "/usr/local/bin/abuse")
	carol := host.SSH("carol")
	carol.TTY()
	usual := sendTime(t, host)
	t.Logf("usually a message takes %d µs", usual)

	for _, c := range []struct{ mode, n string }{{"half", "200"}, {"deaf", "50"}, {"flood", "8"}, {"connect", "10000"}} {
		t.Run(c.mode, func(t *testing.T) {
			bob := host.SSH("bob", "abuse", c.mode, "/run/msg/msgd.sock", c.n)
			waitFor(t, bob, "ready")
			took := sendTime(t, host)
			t.Logf("with %s clients that %s: %d µs, %.2f times as long", c.n, c.mode, took, float64(took)/float64(usual))
			text := "during-" + c.mode
			host.Must("msg", "carol", text)
			waitFor(t, carol, text)
			bob.Close()
		})
	}
	t.Run("bus", func(t *testing.T) {
		// A graphical session whose bus never says a word.
		host.Must("systemd-run", "--unit=mute", "-p", "PAMName=login", "-p", "User=bob", "-E", "XDG_SESSION_TYPE=wayland",
			"sh", "-c", "exec abuse bus /run/user/$(id -u)/bus 0")
		bob := host.SSH("bob")
		bob.TTY()
		host.Must("timeout", "20", "sh", "-c", "until query session | grep -q wayland; do sleep 0.1; done")
		r := host.Run(t.Context(), "msg", "/json", "*", "past-a-mute-bus")
		waitFor(t, carol, "past-a-mute-bus")
		waitFor(t, bob, "past-a-mute-bus")
		for _, receipt := range receiptsOf(t, r.Stdout) {
			if failed := receipt.Outcome.Bad(); receipt.Final && failed != (receipt.Session.Type == "wayland") {
				t.Errorf("%+v", receipt)
			}
		}
		took := sendTime(t, host)
		t.Logf("a message to somebody else: %d µs, %.2f times as long", took, float64(took)/float64(usual))
	})
}

// sendTime is the median time of a message to carol, in microseconds.
func sendTime(t *testing.T, host *lab.Host) int {
	t.Helper()
	median, _, _ := strings.Cut(host.Must("abuse", "time", "21", "msg", "carol", "tick"), " ")
	n, err := strconv.Atoi(median)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// copyProgram builds a program of the tests and copies it to a host.
func copyProgram(t testing.TB, host *lab.Host, pkg, remote string) {
	t.Helper()
	local := filepath.Join(t.TempDir(), filepath.Base(remote))
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", local, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	host.Copy(local, remote)
}

// TestSymlinkInPlaceOfSocket does not follow what somebody has put there.
func TestSymlinkInPlaceOfSocket(t *testing.T) {
	host := withUsers(lab.Boot(t, "trixie"))
	install(t, host)
	startDaemon(t, host)
	host.Must("systemctl", "stop", "msgd.socket", "msgd.service")
	host.Must("sh", "-c", "mkdir -p /run/msg && rm -f /run/msg/msgd.sock && echo precious >/etc/precious && ln -s /etc/precious /run/msg/msgd.sock")
	r := host.Run(t.Context(), "timeout", "5", "msgd", "serve")
	if r.Code == 0 || r.Code == 124 || !strings.Contains(r.Stderr, "msgd.sock") {
		t.Errorf("msgd serve: %+v", r)
	}
	if got := host.Must("cat", "/etc/precious"); got != "precious\n" {
		t.Errorf("the file behind the link is %q", got)
	}
	if got := host.Must("readlink", "/run/msg/msgd.sock"); got != "/etc/precious\n" {
		t.Errorf("the link is %q", got)
	}
}
