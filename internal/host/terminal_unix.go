//go:build darwin || linux

package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"msg"
)

// errInterrupted is the Detail of a receipt of what its sender has ended.
var errInterrupted = errors.New("interrupted")

// What a message is shown on, in a receipt.
const (
	surfaceTerminal = "terminal"
	surfaceTmux     = "tmux"
	surfaceDesktop  = "desktop"
)

// takeTimeout is how long terminals have, all together, to take a message that
// they did not take at once. A terminal that is read at all does, even over a
// slow line, because the kernel buffers it.
const takeTimeout = 300 * time.Millisecond

// defaultColumns is the width of a terminal that does not tell it.
const defaultColumns = 80

// Errors of a terminal that are about the session rather than the system.
var (
	errStuck   = errors.New("terminal is not taking output")
	errGone    = errors.New("terminal is gone")
	errChanged = errors.New("terminal belongs to another session now")
	errEnded   = errors.New("the session has ended")
)

// terminalReceipt says what came of a terminal.
func terminalReceipt(err error) msg.Receipt {
	r := msg.Receipt{Outcome: msg.OutcomeFailed, Surface: surfaceTerminal}
	switch {
	case err == nil:
		r.Outcome = msg.OutcomeAccepted
		return r
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		err = errInterrupted
	case errors.Is(err, errGone) || errors.Is(err, errChanged):
		r.Outcome = msg.OutcomeGone
	case errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		err = errors.New("permission denied: only root may write to somebody else's terminal (try sudo)")
	}
	r.Detail = err.Error()
	return r
}

// pending is a terminal that is open, and what it has not taken yet. fd is 0
// if it could not be opened: that number is taken in every process.
type pending struct {
	rdev uint64
	fd   int
	rest []byte
}

// opened is a terminal that may be written to.
type opened struct {
	fd      int
	rdev    uint64
	columns int
}

// openTerminal opens a device for writing and makes sure that it is still the
// terminal of that user, and, unless rdev is 0, the same device. O_NOFOLLOW
// and the checks after opening leave no moment in which the name could be made
// to mean something else.
func openTerminal(path string, rdev uint64, uid uint32) (opened, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EIO) || errors.Is(err, unix.ENODEV):
		return opened{}, errGone
	case err != nil:
		return opened{}, fmt.Errorf("opening %s: %w", path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return opened{}, fmt.Errorf("looking at %s: %w", path, err)
	}
	// Only a terminal has a size, which tells it from /dev/mem and the like.
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || rdev != 0 && uint64(st.Rdev) != rdev || st.Uid != uid {
		unix.Close(fd)
		return opened{}, errChanged
	}
	o := opened{fd: fd, rdev: uint64(st.Rdev), columns: int(size.Col)}
	if o.columns == 0 {
		o.columns = defaultColumns
	}
	return o, nil
}

// write writes what the terminal takes now.
func (p *pending) write() error {
	for len(p.rest) > 0 {
		n, err := unix.Write(p.fd, p.rest)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN || err == nil && n == 0:
			return nil
		case err == unix.EIO || err == unix.ENXIO:
			return errGone
		case err != nil:
			return fmt.Errorf("writing to terminal: %w", err)
		}
		p.rest = p.rest[n:]
	}
	return nil
}

// letGo closes a descriptor without waiting for it: the owner of a terminal can
// hold up whoever closes it for seconds.
func letGo(fd int) { go unix.Close(fd) }
