package samba

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit of /proc/PID/stat, which is the same on all of Linux' systems.
const tick = 10 * time.Millisecond

// CPU is the time that the programs of these namespaces have used up to now, by
// their names: of those that run, and of their children that have ended.
func CPU(t testing.TB) map[string]time.Duration {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]time.Duration{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		name, spent, err := parseStat(string(b))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		used[name] += spent
	}
	return used
}

// parseStat takes the name and the times (utime, stime, cutime, cstime) of a line
// as in proc(5).
func parseStat(line string) (string, time.Duration, error) {
	begin, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if begin < 0 || end < begin {
		return "", 0, fmt.Errorf("%q has no name", line)
	}
	fields := strings.Fields(line[end+1:]) // the third one is first
	if len(fields) < 15 {
		return "", 0, fmt.Errorf("%q is too short", line)
	}
	var spent time.Duration
	for _, f := range fields[11:15] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return "", 0, err
		}
		spent += time.Duration(n) * tick
	}
	return line[begin+1 : end], spent, nil
}
