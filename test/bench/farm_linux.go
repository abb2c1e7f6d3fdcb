package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"
)

// An account is who the terminals belong to.
type account struct {
	name string
	uid  int
}

// findAccount returns the account of that name or number. A number without an account
// is taken as it is, and an unknown name becomes nobody: a bare container has few users.
func findAccount(name string) account {
	if u, err := user.Lookup(name); err == nil {
		return newAccount(u)
	}
	if u, err := user.LookupId(name); err == nil {
		return newAccount(u)
	}
	if uid, err := strconv.Atoi(name); err == nil && uid >= 0 {
		return account{name: name, uid: uid}
	}
	return account{name: "nobody", uid: 65534}
}

func newAccount(u *user.User) account {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		panic(err) // os/user checks that it is a number
	}
	return account{name: u.Username, uid: uid}
}

// ttyGroup returns the group that terminals belong to.
func ttyGroup() int {
	if g, err := user.LookupGroup("tty"); err == nil {
		if gid, err := strconv.Atoi(g.Gid); err == nil {
			return gid
		}
	}
	return 5 // in every distribution
}

// A farm is a set of ptys, the records in utmp that make them somebody's logins, and
// the detector that reads their masters. Close takes all of it away again.
type farm struct {
	ptys   []*pty
	owner  account
	utmp   *utmpFile
	listed []*pty
	detect *detector
}

// newFarm opens the ptys. None is listed until list is called.
func newFarm(healthy, full, stopped int, owner account) (_ *farm, err error) {
	f := &farm{owner: owner}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.utmp, err = openUtmp(); err != nil {
		return f, err
	}
	if f.detect, err = newDetector(); err != nil {
		return f, err
	}
	for i := range healthy + full + stopped {
		p, err := openPty(owner.uid, ttyGroup())
		if err != nil {
			return f, fmt.Errorf("opening pty %d: %w", i+1, err)
		}
		f.ptys = append(f.ptys, p)
	}
	for _, p := range f.ptys[:healthy] {
		if err := f.detect.add(p); err != nil {
			return f, err
		}
	}
	for _, p := range f.ptys[healthy : healthy+full] {
		p.state = stuckFull
	}
	for _, p := range f.ptys[healthy+full:] {
		p.state = stuckStopped
	}
	if err := f.jam(); err != nil {
		return f, err
	}
	f.detect.start()
	return f, nil
}

// jam makes the stuck ptys stuck.
func (f *farm) jam() error {
	for _, p := range f.ptys {
		if err := p.jam(); err != nil {
			return fmt.Errorf("making %s stuck: %w", p.line, err)
		}
	}
	return f.checkStuck()
}

// checkStuck returns an error if a stuck pty takes bytes.
func (f *farm) checkStuck() error {
	for _, p := range f.ptys {
		if p.state != healthy && p.writable() {
			return fmt.Errorf("%s is no longer stuck", p.line)
		}
	}
	return nil
}

// of returns the ptys in that state.
func (f *farm) of(s state) []*pty {
	var ps []*pty
	for _, p := range f.ptys {
		if p.state == s {
			ps = append(ps, p)
		}
	}
	return ps
}

// closeInto closes the farm at the end of a function that returns *err.
func (f *farm) closeInto(err *error) { *err = errors.Join(*err, f.close()) }

// list makes these ptys, and no others, logins of the owner.
func (f *farm) list(ps []*pty) error {
	if slices.Equal(ps, f.listed) {
		return nil
	}
	f.listed = ps
	records := make([]record, len(ps))
	now := time.Now().Unix()
	for i, p := range ps {
		records[i] = login(i, p.line, f.owner.name, os.Getpid(), now)
	}
	return f.utmp.set(records)
}

// close unlists and closes the ptys; it works on a farm that is half made.
func (f *farm) close() error {
	var err error
	if f.utmp != nil {
		err = f.utmp.close()
	}
	if f.detect != nil {
		f.detect.close()
	}
	for _, p := range f.ptys {
		p.close()
	}
	return err
}
