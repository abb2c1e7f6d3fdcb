package control

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// peer is the process at the other end of a unix socket, as the kernel noted
// it when that process connected (unix(7), SO_PEERCRED).
type peer struct {
	conn     syscall.RawConn
	uid, gid uint32
	pid      int
	seen     time.Time // when the connection was accepted
}

func peerOf(c net.Conn) (peer, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return peer{}, fmt.Errorf("a %T does not say who is at its other end", c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	p := peer{conn: raw, seen: time.Now()}
	err = p.ask(func(fd int) error {
		cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil {
			p.uid, p.gid, p.pid = cred.Uid, cred.Gid, int(cred.Pid)
		}
		return err
	})
	return p, err
}

// serverUID is the user whose process listens at the other end.
func serverUID(c net.Conn) (uint32, error) {
	p, err := peerOf(c)
	return p.uid, err
}

// ask calls f with the socket.
func (p peer) ask(f func(fd int) error) error {
	var inner error
	if err := p.conn.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// groups are the group IDs that the peer had.
func (p peer) groups() ([]uint32, error) {
	gids := make([]uint32, 64)
	var n int
	err := p.ask(func(fd int) error {
		for {
			size := uint32(len(gids) * 4)
			_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
				uintptr(unsafe.Pointer(&gids[0])), uintptr(unsafe.Pointer(&size)), 0)
			n = int(size / 4)
			switch {
			case errno == 0:
				return nil
			case errno == unix.ERANGE && n > len(gids): // size is what is needed
				gids = make([]uint32, n)
			default:
				return errno
			}
		}
	})
	return append(gids[:n], p.gid), err
}

// foreign reports whether the peer is, or may have been, in another user
// namespace. In one, a user has the thousands of accounts of /etc/subuid, of
// which nobody has a name.
func (p peer) foreign() bool {
	theirs, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/uid_map")
	if err != nil {
		return true
	}
	ours, err := os.ReadFile("/proc/self/uid_map")
	return err != nil || !bytes.Equal(theirs, ours)
}

// place finds the terminal and the session that the peer is in; what cannot be
// found out is empty. A process ID can mean another process by now, so the one
// that was looked at must live afterwards and must be the one that connected.
//
// In a container of his own a user can have a terminal called pts/3 that is
// not the pts/3 of this computer. So a terminal says which of somebody's
// sessions he is in, never who he is.
func (p peer) place() (terminal, session string) {
	if p.pid <= 0 { // in another PID namespace
		return "", ""
	}
	pidfd, err := p.pidfd()
	if err != nil {
		return "", ""
	}
	if pidfd >= 0 {
		defer unix.Close(pidfd)
	}
	dir := "/proc/" + strconv.Itoa(p.pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return "", ""
	}
	cgroup, _ := os.ReadFile(dir + "/cgroup")
	tty, start, ok := parseStat(string(stat))
	if !ok || !p.lives(pidfd, start) {
		return "", ""
	}
	return ttyName(tty), parseCgroup(string(cgroup))
}

// pidfd returns a handle of the peer, or -1 where the kernel has none to give
// (before Linux 6.5).
func (p peer) pidfd() (int, error) {
	fd := -1
	err := p.ask(func(s int) (err error) {
		fd, err = unix.GetsockoptInt(s, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
		return err
	})
	if err == unix.ENOPROTOOPT {
		return -1, nil
	}
	return fd, err
}

// lives reports whether the process that was looked at is the peer. Without a
// handle, one that began after the connection is not the peer. An older one could be, if the peer ended at once and its
// number came round: what is found then is another's terminal, see place.
func (p peer) lives(pidfd int, start uint64) bool {
	if pidfd < 0 {
		var now unix.Timespec
		err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
		return err == nil && time.Duration(start)*tick <= time.Duration(now.Nano())-time.Since(p.seen)
	}
	err := unix.PidfdSendSignal(pidfd, 0, nil, 0)
	return err == nil || err == unix.EPERM
}

// tick is a clock tick of /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = time.Second / 100

// parseStat reads the controlling terminal and the time of start from
// /proc/PID/stat, see proc_pid_stat(5). The name of the process, which it
// chooses itself, ends at the last parenthesis.
func parseStat(stat string) (tty uint32, start uint64, ok bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 { // the first of them is number 3
		return 0, 0, false
	}
	n, err := strconv.ParseInt(fields[7-3], 10, 32)
	if err != nil {
		return 0, 0, false
	}
	start, err = strconv.ParseUint(fields[22-3], 10, 64)
	return uint32(int32(n)), start, err == nil
}

// Majors of the devices whose names follow from their numbers
// (Documentation/admin-guide/devices.txt).
const (
	majorTTY      = 4
	majorPTYFirst = 136 // Unix98 pseudo-terminals: 136 to 143
	majorPTYLast  = 143
)

// ttyName is the name below /dev of a terminal, whose number has the major in
// bits 8 to 19 and the minor in the others (include/linux/kdev_t.h).
func ttyName(tty uint32) string {
	major, minor := tty>>8&0xfff, tty&0xff|tty>>12&0xfff00
	switch {
	case tty == 0:
		return ""
	case major >= majorPTYFirst && major <= majorPTYLast:
		return fmt.Sprintf("pts/%d", (major-majorPTYFirst)<<20|minor)
	case major == majorTTY && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	}
	b, _ := os.ReadFile(fmt.Sprintf("/sys/dev/char/%d:%d/uevent", major, minor))
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "DEVNAME="); ok {
			return strings.TrimSuffix(name, "\n")
		}
	}
	return ""
}

// parseCgroup finds the ID of the session in /proc/PID/cgroup: systemd's scope
// in the unified hierarchy, or in "name=systemd" of older systems. Below
// user@1000.service users make groups with any names they like.
func parseCgroup(s string) string {
	for line := range strings.Lines(s) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		hierarchy, path, _ := strings.Cut(rest, ":")
		if hierarchy == "name=elogind" { // its groups are the sessions
			id, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
			return id
		}
		if hierarchy != "" && hierarchy != "name=systemd" {
			continue
		}
		path, _, _ = strings.Cut(path, "/user@")
		for part := range strings.SplitSeq(path, "/") {
			id, ok := strings.CutPrefix(part, "session-")
			if id, scope := strings.CutSuffix(id, ".scope"); ok && scope {
				return id
			}
		}
	}
	return ""
}
