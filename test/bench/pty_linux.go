package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A state is what a pty does with what is written to it.
type state int

const (
	healthy      state = iota // it is read at once
	stuckFull                 // nobody reads it and its buffer is full
	stuckStopped              // output was stopped, as by Ctrl-S
)

// A pty is a pseudo-terminal of which the farm holds both ends.
type pty struct {
	// Plain descriptors: an os.File would hand them to the runtime's own poller,
	// whose wake-ups would be part of every timing.
	master int
	slave  int // open for as long as the pty lives, like the shell of a login
	line   string
	state  state
}

// openPty opens a pty as sshd leaves it for a login.
func openPty(uid, gid int) (*pty, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", "/dev/ptmx", err)
	}
	p := &pty{master: master, slave: -1}
	if err := p.setUp(uid, gid); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pty) setUp(uid, gid int) error {
	if err := unix.IoctlSetPointerInt(p.master, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlocking a pty: %w", err)
	}
	number, err := unix.IoctlGetUint32(p.master, unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("asking for the number of a pty: %w", err)
	}
	p.line = fmt.Sprintf("pts/%d", number)
	p.slave, err = unix.Open(p.path(), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("opening %q: %w", p.path(), err)
	}
	if err := unix.Fchown(p.slave, uid, gid); err != nil {
		return fmt.Errorf("giving %q away: %w", p.path(), err)
	}
	if err := unix.Fchmod(p.slave, 0o620); err != nil {
		return fmt.Errorf("setting the mode of %q: %w", p.path(), err)
	}
	return unix.IoctlSetWinsize(p.master, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
}

func (p *pty) path() string { return "/dev/" + p.line }

func (p *pty) close() {
	if p.slave >= 0 {
		unix.Close(p.slave)
	}
	unix.Close(p.master)
}

// jam brings about the state of the pty.
func (p *pty) jam() error {
	switch p.state {
	case stuckFull:
		return p.fill()
	case stuckStopped:
		return unix.IoctlSetInt(p.slave, unix.TCXONC, unix.TCOOFF)
	}
	return nil
}

// fill writes until the pty takes nothing more. What is written moves on to the
// master's buffer in the background and makes room again, so one refusal proves nothing.
func (p *pty) fill() error {
	chunk := make([]byte, 1024)
	for i := range chunk {
		chunk[i] = 'x'
	}
	for refused := 0; refused < 10; {
		switch n, err := unix.Write(p.slave, chunk); {
		case n > 0:
			refused = 0
		case err == unix.EAGAIN || n == 0:
			refused++
			chunk = chunk[:1] // fill the last gap too
			time.Sleep(2 * time.Millisecond)
		case err != unix.EINTR:
			return err
		}
	}
	return nil
}

// writable tells whether the pty would take a byte.
func (p *pty) writable() bool {
	fds := []unix.PollFd{{Fd: int32(p.slave), Events: unix.POLLOUT}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&unix.POLLOUT != 0
}

// writeAll writes the text to each pty in turn, opened by its path as a sender would.
func writeAll(ps []*pty, text string) error {
	for _, p := range ps {
		fd, err := unix.Open(p.path(), unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("opening %q: %w", p.path(), err)
		}
		_, err = unix.Write(fd, []byte(text+"\r\n"))
		unix.Close(fd)
		if err != nil {
			return fmt.Errorf("writing to %q: %w", p.path(), err)
		}
	}
	return nil
}
