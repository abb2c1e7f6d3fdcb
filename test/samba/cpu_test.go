package samba

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit of /proc/PID/stat, which is the same on all of Linux' systems.
const tick = 10 * time.Millisecond

// used is the time that the programs of these namespaces have used up to now, by
// their names: of those that run, and of their children that have ended. The
// children of this process are for whoever has started them; itself is msgd.
func used(t testing.TB) map[string]time.Duration {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]time.Duration{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		name, own, children, err := parseStat(string(b))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if filepath.Base(filepath.Dir(file)) == strconv.Itoa(os.Getpid()) {
			name, children = "msgd", 0
		}
		all[name] += own + children
	}
	return all
}

// parseStat takes the name and the times (utime and stime, cutime and cstime) of a
// line as in proc(5).
func parseStat(line string) (name string, own, children time.Duration, err error) {
	begin, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if begin < 0 || end < begin {
		return "", 0, 0, fmt.Errorf("%q has no name", line)
	}
	fields := strings.Fields(line[end+1:]) // the third one is first
	if len(fields) < 15 {
		return "", 0, 0, fmt.Errorf("%q is too short", line)
	}
	var times [4]time.Duration
	for i, f := range fields[11:15] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return "", 0, 0, err
		}
		times[i] = time.Duration(n) * tick
	}
	return line[begin+1 : end], times[0] + times[1], times[2] + times[3], nil
}

// by adds what a program of this process has used.
func (s spending) by(name string, cmd *exec.Cmd) {
	s[name] += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// since adds what was used since an earlier look to a sum.
func (s spending) since(t testing.TB, before map[string]time.Duration) {
	t.Helper()
	for name, now := range used(t) {
		s[name] += now - before[name]
	}
}

// spending is CPU time by the names of programs.
type spending map[string]time.Duration

// each says what falls to each of n, the most first.
func (s spending) each(n int) string {
	names := slices.SortedFunc(maps.Keys(s), func(a, b string) int { return cmp.Compare(s[b], s[a]) })
	var parts []string
	for _, name := range names {
		if share := s[name] / time.Duration(n); share > 10*time.Microsecond {
			parts = append(parts, fmt.Sprintf("%s %v", name, share.Round(10*time.Microsecond)))
		}
	}
	return strings.Join(parts, ", ")
}

func TestParseStat(t *testing.T) {
	const line = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 200 0 0 5 6 7 8 20 0 1 0 100 1000 10 1 1"
	if name, own, children, err := parseStat(line); name != "a (b) c" || own != 11*tick || children != 15*tick || err != nil {
		t.Errorf("%q, %v, %v, %v", name, own, children, err)
	}
	for _, bad := range []string{"", "7 (x", "7 (x) S 1 2", strings.ReplaceAll(line, " 6 ", " x ")} {
		if _, _, _, err := parseStat(bad); err == nil {
			t.Errorf("%q is a line", bad)
		}
	}
}
