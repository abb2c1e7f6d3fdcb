package lab_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msg/test/lab"
)

// BenchmarkAgainstWall measures msg and wall(1) side by side on a Debian 12
// host where logind and utmp answer. "make bench" runs it; what it prints is
// for people, and no time fails it.
func BenchmarkAgainstWall(b *testing.B) {
	h := benchHost(b)
	runBench(b, h)
}

// BenchmarkDaemonAgainstWall has msg go through msgd.
func BenchmarkDaemonAgainstWall(b *testing.B) {
	h := benchHost(b)
	startDaemon(b, h)
	h.Must("systemctl", "start", "msgd.service")
	runBench(b, h, "-daemon", "-series", "last")
}

// benchHost is a host with the commands and the benchmark.
func benchHost(b *testing.B) *lab.Host {
	bench := filepath.Join(b.TempDir(), "bench")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", bench, "msg/test/bench")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("building the benchmark: %v\n%s", err, out)
	}
	h := lab.Boot(b, "bookworm")
	install(b, h)
	h.AddUser("alice")
	h.Copy(bench, "/usr/local/bin/bench")
	return h
}

func runBench(b *testing.B, h *lab.Host, args ...string) {
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	args = append([]string{"/usr/local/bin/bench", "-msg", "/usr/local/bin/msg", "-user", "alice"}, args...)
	args = append(args, strings.Fields(os.Getenv("BENCH_ARGS"))...)
	r := h.Run(ctx, args...)
	fmt.Println(r.Stdout) // the log of a benchmark is cut after a few lines
	if r.Code != 0 {
		b.Errorf("the benchmark ended with %d:\n%s", r.Code, r.Stderr)
	}
}

// BenchmarkNotification compares msg, which returns when the notification is on
// the screen and on record, with notify-send, which has to become the user
// first. Both take turns.
func BenchmarkNotification(b *testing.B) {
	h := withUsers(lab.Desktop(b))
	install(b, h)
	startDaemon(b, h)
	copyProgram(b, h, "msg/test/abuse", "/usr/local/bin/abuse")
	d := h.XFCE("alice")
	bus := "DBUS_SESSION_BUS_ADDRESS=" + d.Getenv("DBUS_SESSION_BUS_ADDRESS")
	out := h.Must("abuse", "time", "31", "msg", "/time:1", "alice", "tick",
		"versus", "runuser", "-u", "alice", "--", "env", bus, "notify-send", "--expire-time=1000", "tick")
	fmt.Println("shown notification, µs: median, first and third quarter; msg, then notify-send as the user\n" + out)
}
