//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// backlog is how many connections wait to be accepted. Who connects waits
// behind all of them, so a flood is kept short.
const backlog = 128

// listener is a unix socket that this process alone has at its path.
type listener struct {
	*net.UnixListener
	path string
	id   os.FileInfo
	lock *os.File
}

// Listen makes a unix socket with these permissions, whatever the umask. The
// folder must be such that nobody but root and this user can change it. What
// is at the path already is replaced only if it is a socket that nobody
// listens on; two daemons can not have the same path. Close removes it.
func Listen(path string, mode fs.FileMode) (net.Listener, error) {
	l, err := listen(path, mode)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", path, err)
	}
	return l, nil
}

func listen(path string, mode fs.FileMode) (net.Listener, error) {
	if err := checkFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := takeLock(path + ".lock")
	if err != nil {
		return nil, err
	}
	l := &listener{path: path, lock: lock}
	if err := l.open(mode); err != nil {
		lock.Close()
		return nil, err
	}
	return l, nil
}

// checkFolder refuses a folder in which another user could put something in
// the socket's place. The sticky bit is no help: what is not there yet can be
// made by anybody.
func checkFolder(dir string) error {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return fmt.Errorf("folder %q: %w", dir, err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%q is not a folder", dir)
	case st.Uid != 0 && st.Uid != uint32(os.Geteuid()):
		return fmt.Errorf("folder %q belongs to user %d: it must belong to root or to the user that msgd runs as", dir, st.Uid)
	case st.Mode&0o022 != 0:
		return fmt.Errorf("folder %q can be written to by others: take that away with chmod go-w", dir)
	}
	return nil
}

// takeLock makes sure that there is one daemon. The kernel lets go of the lock
// when the process ends, however that happens. The file stays: if it were
// removed, the next two daemons could lock two different ones.
func takeLock(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock file %q: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.New("another msgd has it: stop that one first")
		}
		return nil, fmt.Errorf("lock file %q: %w", path, err)
	}
	return f, nil
}

func (l *listener) open(mode fs.FileMode) error {
	if err := removeStale(l.path); err != nil {
		return err
	}
	// Linux gives the new file no more rights than the socket has, so that it
	// is never open to more people than it should be; elsewhere this fails.
	narrow := func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), uint32(mode.Perm())) })
	}
	inner, err := (&net.ListenConfig{Control: narrow}).Listen(context.Background(), "unix", l.path)
	if err != nil {
		return err
	}
	l.UnixListener = inner.(*net.UnixListener)
	l.SetUnlinkOnClose(false) // Close looks first
	if err := l.settle(mode); err != nil {
		l.UnixListener.Close()
		return err
	}
	return nil
}

func (l *listener) settle(mode fs.FileMode) (err error) {
	if err = os.Chmod(l.path, mode.Perm()); err != nil {
		return err
	}
	if l.id, err = os.Lstat(l.path); err != nil {
		return err
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { _ = unix.Listen(int(fd), backlog) })
}

// removeStale removes the socket of a daemon that ended without doing so. It
// follows no link and removes nothing else.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("there is something that is not a socket (%s): move it away", info.Mode())
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return errors.New("another program listens there: stop it first")
	}
	return os.Remove(path)
}

// Close removes the socket if it is still this one, and stops listening.
func (l *listener) Close() error {
	if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.id) {
		_ = os.Remove(l.path)
	}
	err := l.UnixListener.Close()
	l.lock.Close()
	return err
}
