package hosttest

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// PTY is a real pseudo-terminal: the terminal that a program under test
// writes to, and the person in front of it.
type PTY struct {
	Name   string // below /dev: "pts/3"
	Screen *Screen

	master, slave *os.File
}

// OpenPTY makes a terminal of that size, whose output goes to its Screen
// until the test ends.
func OpenPTY(t testing.TB, columns, rows uint16) *PTY {
	t.Helper()
	p := openPTY(t, columns, rows)
	go func() { _, _ = io.Copy(p.Screen, p.master) }()
	return p
}

// OpenStuckPTY makes a terminal that nobody reads and whose buffer is full.
func OpenStuckPTY(t testing.TB) *PTY {
	t.Helper()
	p := openPTY(t, 80, 24)
	fd, err := unix.Open("/dev/"+p.Name, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	// The buffer passes its content on to the other side in the background,
	// which makes room again: it is full when poll has said so for a while.
	fill := []byte(strings.Repeat("x", 1024))
	for n := len(fill); ; {
		if _, err := unix.Write(fd, fill[:n]); err == nil {
			continue
		}
		n = 1
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 100)
		if err == nil && ready == 0 {
			return p
		}
	}
}

// OpenStoppedPTY makes a terminal whose output was stopped with Ctrl-S.
func OpenStoppedPTY(t testing.TB) *PTY {
	t.Helper()
	p := OpenPTY(t, 80, 24)
	if err := unix.IoctlSetInt(int(p.slave.Fd()), unix.TCXONC, unix.TCOOFF); err != nil {
		t.Fatal(err)
	}
	return p
}

func openPTY(t testing.TB, columns, rows uint16) *PTY {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	p := &PTY{Name: strings.TrimPrefix(slave.Name(), "/dev/"), Screen: &Screen{}, master: master, slave: slave}
	t.Cleanup(p.Hangup)
	if err := pty.Setsize(master, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	return p
}

// Hangup closes both sides, as when a terminal window is closed.
func (p *PTY) Hangup() {
	p.slave.Close()
	p.master.Close()
}

// Start runs a program as the leader of a new session on the terminal. It is
// ended when the test ends.
func (p *PTY) Start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.slave, p.slave, p.slave
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// Type types.
func (p *PTY) Type(t testing.TB, s string) {
	t.Helper()
	if _, err := p.master.WriteString(s); err != nil {
		t.Fatal(err)
	}
}

// Drain begins to read a terminal that was stuck; it returns when the
// terminal is closed.
func (p *PTY) Drain() { _, _ = io.Copy(p.Screen, p.master) }
