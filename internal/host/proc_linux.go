package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// procFS is /proc, see proc(5).
type procFS struct{ root string }

// process is what /proc/PID/stat says, as far as it is needed.
type process struct {
	pid, parent int
	comm        string // chosen by the process itself: at most 15 bytes of anything
	session     int    // process ID of the session leader (setsid)
	tty         uint64 // controlling terminal as a device number, 0 for none
	foreground  int    // process group in the foreground of that terminal
	start       uint64 // clock ticks after boot
}

// processes reads the stat file of every process. Processes come and go while
// it reads; those that are gone are left out.
func (fs procFS) processes() (map[int]process, error) {
	dir, err := os.Open(fs.root)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	all := make(map[int]process, len(names))
	buf := make([]byte, 1024)
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		b, err := readSmall(fs.root+"/"+name+"/stat", buf)
		if err != nil {
			continue
		}
		if p, err := parseStat(b); err == nil {
			all[p.pid] = p
		}
	}
	return all, nil
}

// readSmall reads a file of /proc with three system calls; os.ReadFile takes
// seven, and there are hundreds of these files.
func readSmall(path string, buf []byte) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

var errStat = errors.New("not a line of /proc/PID/stat")

// parseStat reads one line of /proc/PID/stat. The command name is in
// parentheses and may hold parentheses, blanks and newlines of its own, so
// the fields are counted from the last closing one.
func parseStat(b []byte) (process, error) {
	open, closing := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 1 || closing < open {
		return process{}, errStat
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:open])))
	if err != nil || pid <= 0 {
		return process{}, errStat
	}
	f := bytes.Fields(b[closing+1:])
	if len(f) < 20 {
		return process{}, errStat
	}
	p := process{pid: pid, comm: string(b[open+1 : closing])}
	var tty int
	for _, x := range []struct {
		field int // number in proc(5), where the state is 3
		to    *int
	}{{4, &p.parent}, {6, &p.session}, {7, &tty}, {8, &p.foreground}} {
		if *x.to, err = strconv.Atoi(string(f[x.field-3])); err != nil {
			return process{}, errStat
		}
	}
	if p.start, err = strconv.ParseUint(string(f[22-3]), 10, 64); err != nil {
		return process{}, errStat
	}
	p.tty = ttyDevice(tty)
	return p, nil
}

// ttyDevice turns field 7 into a device number: the kernel puts the major in
// bits 8 to 19 and the minor in the rest (include/linux/kdev_t.h,
// new_encode_dev).
func ttyDevice(n int) uint64 {
	if n <= 0 {
		return 0
	}
	u := uint32(n)
	return unix.Mkdev(u>>8&0xfff, u&0xff|u>>12&0xfff00)
}

// tty is a terminal that is the controlling terminal of some process.
type tty struct {
	rdev       uint64
	leader     process // of the session that has it
	foreground process // one process in front
}

// ttys groups processes by controlling terminal. A device number alone does
// not say which terminal it is: in a container pts/3 is another one with the
// same number. Sessions whose leader is not ours are left out, but a user can
// still make a process that seems to be on somebody else's terminal. So there
// may be several candidates for one device, and whoever asks must find one that
// fits, and not reject the terminal because of one that does not.
func ttys(all map[int]process, ours func(process) bool) map[uint64][]*tty {
	sessions := map[int]*tty{}
	for _, p := range all {
		if p.tty == 0 {
			continue
		}
		t := sessions[p.session]
		if t == nil {
			t = &tty{rdev: p.tty, leader: p, foreground: p}
			sessions[p.session] = t
		}
		if p.pid == p.session {
			t.leader = p
		}
		if p.pid == p.foreground {
			t.foreground = p
		}
	}
	found := map[uint64][]*tty{}
	for _, t := range sessions {
		if ours(t.leader) {
			found[t.rdev] = append(found[t.rdev], t)
		}
	}
	return found
}

// runsAs reports whether a process is one of that user's and no other's: real,
// effective, saved and file system user ID are the same. A process that has
// more or other rights is not what the user chose to run. The owner of the
// files in /proc/PID does not tell: it is root for many a user's process.
func (fs procFS) runsAs(pid int, uid uint32) bool {
	b, err := os.ReadFile(fs.path(pid, "status"))
	return err == nil && onlyUID(string(b), uid)
}

// onlyUID looks for the four numbers in the text of /proc/PID/status. The name
// of the process stands in front of them, with newlines as \n.
func onlyUID(status string, uid uint32) bool {
	for line := range strings.Lines(status) {
		ids, ok := strings.CutPrefix(line, "Uid:")
		if !ok {
			continue
		}
		f := strings.Fields(ids)
		want := strconv.FormatUint(uint64(uid), 10)
		return len(f) == 4 && f[0] == want && f[1] == want && f[2] == want && f[3] == want
	}
	return false
}

// scope returns the name of the logind scope a process is in, such as
// "session-3.scope", and whether it belongs to a user's own service manager.
// Both are empty without systemd.
func (fs procFS) scope(pid int) (scope string, managed bool) {
	b, err := os.ReadFile(fs.path(pid, "cgroup"))
	if err != nil {
		return "", false
	}
	return parseCgroup(string(b))
}

// parseCgroup looks at every line, because systemd's hierarchy is the unified
// one on current systems and "name=systemd" on older ones.
func parseCgroup(s string) (scope string, managed bool) {
	for _, line := range strings.Split(s, "\n") {
		for _, part := range strings.Split(line, "/") {
			switch {
			case strings.HasPrefix(part, "session-") && strings.HasSuffix(part, ".scope"):
				return part, false
			case strings.HasPrefix(part, "user@") && strings.HasSuffix(part, ".service"):
				managed = true
			}
		}
	}
	return "", managed
}

// mounts returns the mount namespaces whose terminals are those of dev: our
// own and, as long as its /dev/pts is the same one, that of the first process.
// A service often has a namespace of its own (systemd.exec(5), ProtectSystem=),
// in which /dev/pts is still everybody's; a container that sees all processes
// has another /dev/pts than they have.
func (fs procFS) mounts(dev string) []string {
	var mounts []string
	if own, err := os.Readlink(fs.root + "/self/ns/mnt"); err == nil {
		mounts = append(mounts, own)
	}
	var ours, theirs unix.Stat_t
	if unix.Stat(dev+"/pts", &ours) != nil || unix.Stat(fs.path(1, "root/dev/pts"), &theirs) != nil || ours.Dev != theirs.Dev {
		return mounts
	}
	if first, err := os.Readlink(fs.path(1, "ns/mnt")); err == nil {
		mounts = append(mounts, first)
	}
	return mounts
}

// in reports whether pid sees one of these mounts, which is to say the same
// terminals. Where the answer is denied, as it is to ordinary users, the owner
// of the process has to be the owner of the terminal.
func (fs procFS) in(mounts []string, pid int, owner func() (uint32, bool)) bool {
	theirs, err := os.Readlink(fs.path(pid, "ns/mnt"))
	if err == nil {
		return slices.Contains(mounts, theirs)
	}
	if !errors.Is(err, os.ErrPermission) {
		return false
	}
	var st unix.Stat_t
	uid, ok := owner()
	return ok && unix.Stat(fs.path(pid, "stat"), &st) == nil && st.Uid == uid
}

func (fs procFS) path(pid int, file string) string {
	return fs.root + "/" + strconv.Itoa(pid) + "/" + file
}

// userTicks is the unit of process.start: USER_HZ is 100 on every Linux
// that Go runs on.
const userTicks = 100

// started turns process.start into a time.
func (fs procFS) started(p process) time.Time {
	b, err := os.ReadFile(fs.root + "/uptime")
	if err != nil {
		return time.Time{}
	}
	up, err := strconv.ParseFloat(strings.Fields(string(b) + " x")[0], 64)
	if err != nil {
		return time.Time{}
	}
	boot := time.Now().Add(-time.Duration(up * float64(time.Second)))
	return boot.Add(time.Duration(p.start) * time.Second / userTicks).Truncate(time.Second)
}
