package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// readEnvironment describes the machine; what cannot be found out says so.
func readEnvironment(ctx context.Context, wall string) environment {
	env := environment{
		Kernel:    kernel(),
		Arch:      runtime.GOARCH,
		Cores:     runtime.NumCPU(),
		Load:      load(),
		Busy:      busy(),
		Wall:      "none",
		Logind:    logind(ctx),
		Processes: processes(),
		Utmp:      "none",
	}
	if wall != "" {
		env.Wall = firstOutput(ctx, wall, "--version")
	}
	if st, err := os.Stat(utmpPath); err == nil {
		env.Utmp = fmt.Sprintf("%d records", st.Size()/recordSize)
	}
	return env
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// load returns the load averages over 1, 5 and 15 minutes.
func load() (avg [3]float64) {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return avg
	}
	for i, field := range strings.Fields(string(b)) {
		if i < len(avg) {
			avg[i], _ = strconv.ParseFloat(field, 64)
		}
	}
	return avg
}

// busy returns the share of all cores that is in use while this program sleeps, which
// says sooner than the load averages whether something else runs.
func busy() float64 {
	idle, total := cpuTime()
	time.Sleep(500 * time.Millisecond)
	idle2, total2 := cpuTime()
	if total2 <= total {
		return 0
	}
	return 1 - float64(idle2-idle)/float64(total2-total)
}

// cpuTime returns the first line of /proc/stat: ticks without work, and all ticks.
func cpuTime() (idle, total int64) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, field := range strings.Fields(line) {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil || i > 8 { // the word "cpu"; guests are counted twice
			continue
		}
		total += n
		if i == 4 || i == 5 { // idle, and waiting for a disk
			idle += n
		}
	}
	return idle, total
}

// sessionScope returns the control group of a login session that this process is in.
func sessionScope() string {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for part := range strings.FieldsFuncSeq(string(b), func(r rune) bool { return r == '/' || r == '\n' }) {
		if strings.HasPrefix(part, "session-") && strings.HasSuffix(part, ".scope") ||
			strings.HasPrefix(part, "user@") && strings.HasSuffix(part, ".service") {
			return part
		}
	}
	return ""
}

func processes() int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	n := 0
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			n++
		}
	}
	return n
}

// logind tells whether the login manager answers; asking it takes busctl, and without
// that its directory is the best evidence.
func logind(ctx context.Context) string {
	seats := "no /run/systemd/seats"
	if _, err := os.Stat("/run/systemd/seats"); err == nil {
		seats = "/run/systemd/seats is there"
	}
	busctl, err := exec.LookPath("busctl")
	if err != nil {
		return "not asked: no busctl, " + seats
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	err = exec.CommandContext(ctx, busctl, "--system", "--timeout=2", "call",
		"org.freedesktop.login1", "/org/freedesktop/login1",
		"org.freedesktop.login1.Manager", "ListSessions").Run()
	if err != nil {
		return "does not answer, " + seats
	}
	return "answers"
}

// firstOutput returns the first line that a command prints.
func firstOutput(ctx context.Context, argv ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output()
	if err != nil {
		return fmt.Sprintf("unknown (%v)", err)
	}
	return firstLine(out)
}
