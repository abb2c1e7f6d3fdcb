package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// utmpPath is where glibc's _PATH_UTMP, /var/run/utmp, leads.
const utmpPath = "/run/utmp"

// A utmpFile is the system's utmp, to which a farm adds its records. Whatever else is
// in it, or is written to it meanwhile by a login, stays.
type utmpFile struct {
	file    *os.File
	created bool
}

// openUtmp opens utmp, makes it if there is none, and clears what killed farms left.
func openUtmp() (*utmpFile, error) {
	if runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("the layout of utmp on %s is not known here", runtime.GOARCH)
	}
	_, err := os.Stat(utmpPath)
	u := &utmpFile{created: errors.Is(err, os.ErrNotExist)}
	u.file, err = os.OpenFile(utmpPath, os.O_RDWR|os.O_CREATE, 0o664)
	if err != nil {
		return nil, err
	}
	if err := u.checkAlone(); err != nil {
		u.file.Close()
		return nil, err
	}
	return u, u.set(nil)
}

// checkAlone returns an error if another farm lives: its terminals would be written to
// as well and spoil both measurements.
func (u *utmpFile) checkAlone() error {
	content, err := u.content()
	if err != nil {
		return err
	}
	for pid := range farmPids(content) {
		if pid != os.Getpid() && unix.Kill(pid, 0) == nil {
			return fmt.Errorf("%q has records of another farm, process %d", utmpPath, pid)
		}
	}
	return nil
}

func (u *utmpFile) content() ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(u.file, 0, 1<<30))
}

// set makes these the farm's records in the file.
func (u *utmpFile) set(records []record) error {
	unlock, err := u.lock()
	if err != nil {
		return err
	}
	defer unlock()
	old, err := u.content()
	if err != nil {
		return err
	}
	content := replaceOurs(old, records)
	if _, err := u.file.WriteAt(content, 0); err != nil {
		return err
	}
	return u.file.Truncate(int64(len(content)))
}

// lock locks the file against the login programs, the way glibc's pututxline does.
func (u *utmpFile) lock() (unlock func(), err error) {
	lk := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(u.file.Fd(), unix.F_SETLKW, &lk); err != nil {
		return nil, fmt.Errorf("locking %q: %w", utmpPath, err)
	}
	return func() {
		lk.Type = unix.F_UNLCK
		unix.FcntlFlock(u.file.Fd(), unix.F_SETLK, &lk)
	}, nil
}

// close takes the farm's records out, and the file away if it was made here and nobody
// has signed in since. Records of logins that ended may be in it all the same: on a
// system without utmp, programs write to it only because the farm has made it.
func (u *utmpFile) close() error {
	defer u.file.Close()
	if err := u.set(nil); err != nil {
		return fmt.Errorf("restoring %q: %w", utmpPath, err)
	}
	if !u.created {
		return nil
	}
	if content, err := u.content(); err != nil || anyLogin(content) {
		return err
	}
	return os.Remove(utmpPath)
}
