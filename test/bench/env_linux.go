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
