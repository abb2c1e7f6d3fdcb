// Package account looks up who is who on this computer: the names, numbers and
// groups of accounts, also of those in a directory (LDAP, sssd, winbind, a
// domain of Windows).
//
// It promises to wait for a directory that does not answer no longer than two
// seconds at a time, and to notice when /etc/passwd or /etc/group change, so
// that a program which runs for months is right about new accounts. Start with
// New, or on Windows with NewNames.
package account

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// DB answers questions about accounts and remembers the answers. It may be used
// from several goroutines.
//
// os/user without cgo knows /etc/passwd only, and reads it anew each time.
// Here it is read once. What is not in it is asked of getent(1), which goes
// through the system's NSS modules; most commands never need it.
type DB struct {
	mu     sync.Mutex // not held while getent runs: what is known is told at once
	users  table
	groups table

	asking sync.Mutex    // one getent at a time
	spent  time.Duration // how long it took in look-ups that came one after another
	asked  time.Time     // when the last of them ended

	run func(ctx context.Context, database, key string) ([]byte, error) // runGetent, but in tests

	names *names // instead of all that, where accounts have no numbers; see NewNames
}

// New returns a DB that has not read anything yet.
func New() *DB { return NewAt("/etc") }

// NewAt is New for a system whose passwd and group are in the folder etc.
func NewAt(etc string) *DB {
	return &DB{run: runGetent, users: table{path: filepath.Join(etc, "passwd"), database: "passwd"},
		groups: table{path: filepath.Join(etc, "group"), database: "group"}}
}

// Name returns the user name of uid, or the number if nobody knows it.
func (db *DB) Name(uid uint32) string { return db.name(&db.users, uid) }

// Known is Name for accounts of /etc/passwd and those that somebody has asked
// for lately; it asks nobody.
func (db *DB) Known(uid uint32) (name string, ok bool) { return db.known(&db.users, uid) }

// UID returns the user ID of a name.
func (db *DB) UID(name string) (uint32, bool) {
	e, err := db.entry(&db.users, name)
	return e.id, err == nil
}

// LocalUID is UID for accounts of /etc/passwd; it asks nobody else.
func (db *DB) LocalUID(name string) (uint32, bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.users.refresh()
	uid, ok := db.users.local[name]
	return uid, ok
}

// GID returns the group ID of a name. The error wraps ErrUnknown if there is
// certainly no such group; with another one there may be.
func (db *DB) GID(name string) (uint32, error) {
	e, err := db.entry(&db.groups, name)
	return e.id, err
}

// GroupName returns the name of a group, or the number if nobody knows it.
func (db *DB) GroupName(gid uint32) string { return db.name(&db.groups, gid) }

func (db *DB) known(t *table, id uint32) (name string, ok bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	t.refresh()
	name, ok = t.names[id]
	return name, ok
}

func (db *DB) name(t *table, id uint32) string {
	if name, ok := db.known(t, id); ok {
		return name
	}
	name := number(id)
	fields, err := db.getent(t.database, name)
	switch {
	case err == nil:
		name = fields[0]
	case !errors.Is(err, ErrUnknown):
		return name
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	t.names[id] = name
	return name
}

// GroupExists reports whether there is a group of that name.
func (db *DB) GroupExists(name string) bool {
	if db.names != nil {
		return db.mayBeGroup(name)
	}
	_, err := db.GID(name)
	return err == nil
}

// InGroup reports whether a group is the main one of a user, or names the user
// as a member. Asking each group for its members, and not each user for the
// groups, takes one question for any number of users.
//
// An error says that it cannot be told now: who does not exist is in no group,
// without an error.
func (db *DB) InGroup(user, group string) (bool, error) {
	in, err := db.isIn(user, group)
	if errors.Is(err, ErrUnknown) {
		err = nil
	}
	return in, err
}

func (db *DB) isIn(user, group string) (bool, error) {
	if db.names != nil {
		return db.isMember(user, group)
	}
	g, err := db.entry(&db.groups, group)
	if err != nil || user == "" {
		return false, err
	}
	if slices.Contains(strings.Split(g.fourth, ","), user) {
		return true, nil
	}
	u, err := db.entry(&db.users, user)
	return err == nil && u.fourth == number(g.id), err
}

// Memberships sorts groups by whether somebody is in them, whose group IDs are
// gids: in those, and in those of which it cannot be told.
func (db *DB) Memberships(names []string, gids []uint32) (in, unsure []string) {
	ids := make([]string, len(gids))
	for i, gid := range gids {
		ids[i] = number(gid)
	}
	return db.NamedMemberships(names, ids)
}

// NamedMemberships is Memberships for IDs as GroupID has them.
func (db *DB) NamedMemberships(names, ids []string) (in, unsure []string) {
	for _, name := range names {
		id, err := db.GroupID(name)
		switch {
		case err == nil && slices.Contains(ids, id):
			in = append(in, name)
		case err != nil && !errors.Is(err, ErrUnknown):
			unsure = append(unsure, name)
		}
	}
	return in, unsure
}

// entry finds what belongs to a name. The error wraps ErrUnknown if it is
// certainly nobody's.
func (db *DB) entry(t *table, name string) (entry, error) {
	if e, exists, known := db.knownEntry(t, name); known {
		if !exists {
			return entry{}, fmt.Errorf("looking for %q in %s: %w", name, t.database, ErrUnknown)
		}
		return e, nil
	}
	e, err := db.askEntry(t.database, name)
	db.mu.Lock()
	defer db.mu.Unlock()
	if err != nil {
		t.nobody[name] = errors.Is(err, ErrUnknown)
		return entry{}, err
	}
	t.entries[name] = e
	return e, nil
}

// knownEntry also knows who is nobody.
func (db *DB) knownEntry(t *table, name string) (e entry, exists, known bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	t.refresh()
	e, exists = t.entries[name]
	return e, exists, exists || t.nobody[name]
}

func (db *DB) askEntry(database, name string) (entry, error) {
	fields, err := db.getent(database, name)
	if err != nil {
		return entry{}, err
	}
	if fields[0] != name && isNumber(name) { // getent takes a number for an ID
		return entry{}, fmt.Errorf("looking for %q in %s: %w", name, database, ErrUnknown)
	}
	id, err := strconv.ParseUint(fields[2], 10, 32)
	return entry{uint32(id), fields[3]}, err
}

// number is an ID as the databases and msg.Session.Account have it.
func number(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// Account is what a process with a user's rights is started with.
type Account struct {
	Name, Home string
	UID, GID   uint32
	Groups     []uint32
}

// Account looks up everything about one user. Groups that cannot be found out
// are left off: the process then has fewer rights, never more.
func (db *DB) Account(uid uint32) (Account, error) {
	id := number(uid)
	entry, err := user.LookupId(id)
	if err != nil {
		fields, nssErr := db.getent("passwd", id)
		if nssErr != nil {
			return Account{}, fmt.Errorf("looking up user %d: %w", uid, err)
		}
		entry = &user.User{Uid: id, Username: fields[0], Gid: fields[3], HomeDir: fields[5]}
	}
	gid, err := strconv.ParseUint(entry.Gid, 10, 32)
	if err != nil {
		return Account{}, fmt.Errorf("group of user %d: %w", uid, err)
	}
	a := Account{Name: entry.Username, Home: entry.HomeDir, UID: uid, GID: uint32(gid)}
	ids, _ := entry.GroupIds()
	for _, g := range ids {
		if n, err := strconv.ParseUint(g, 10, 32); err == nil {
			a.Groups = append(a.Groups, uint32(n))
		}
	}
	return a, nil
}

// getentTimeout bounds a directory server that does not answer: it is for all
// look-ups that come one after another. As long nobody is asked then.
const getentTimeout = 2 * time.Second

var errAway = errors.New("who knows the accounts has just taken too long")

// getent returns the fields of one entry of a database, "passwd" or "group". The
// error is ErrUnknown if there is certainly none.
func (db *DB) getent(database, key string) ([]string, error) {
	if key == "" || strings.HasPrefix(key, "-") {
		return nil, fmt.Errorf("looking for %q in %s: %w", key, database, ErrUnknown)
	}
	if runtime.GOOS == "darwin" {
		return directory(database, key)
	}
	var out []byte
	err := db.inTurn(func(ctx context.Context) (err error) {
		out, err = db.run(ctx, database, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	fields := strings.Split(strings.TrimSuffix(string(out), "\n"), ":")
	if len(fields) < 4 || fields[0] == "" || database == "passwd" && len(fields) != 7 {
		return nil, fmt.Errorf("getent %s %q printed no entry", database, key)
	}
	return fields, nil
}

// inTurn has one look-up done at a time, within what is left of the time for
// those that come one after another.
func (db *DB) inTurn(ask func(ctx context.Context) error) error {
	db.asking.Lock()
	defer db.asking.Unlock()
	begin := time.Now()
	switch {
	case begin.Sub(db.asked) > getentTimeout:
		db.spent = 0
	case db.spent >= getentTimeout:
		return errAway
	}
	ctx, cancel := context.WithTimeout(context.Background(), getentTimeout-db.spent)
	defer cancel()
	err := ask(ctx)
	db.asked = time.Now()
	db.spent += db.asked.Sub(begin)
	return err
}

// notFound is the exit code of getent(1) for a key that is in no database.
const notFound = 2

// runGetent is getent(1). The error is ErrUnknown if it knows nobody by that key,
// and another one if it could not tell.
func runGetent(ctx context.Context, database, key string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "/usr/bin/getent", database, key)
	cmd.Env = []string{}
	cmd.WaitDelay = getentTimeout // on a busy computer an answer is on its way for a while
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == notFound {
		return nil, ErrUnknown
	}
	return out, err
}

// ErrUnknown is wrapped by the error for what certainly does not exist.
var ErrUnknown = errors.New("there is no such entry")

// Caller names who runs this process, as the kernel knows it and not as the
// environment says.
func Caller() string {
	if uid := os.Getuid(); uid >= 0 {
		return New().Name(uint32(uid))
	}
	if u, err := user.Current(); err == nil { // a system without user IDs
		return u.Username
	}
	return "unknown"
}
