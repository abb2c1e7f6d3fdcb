package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Names are the accounts of a system that has names and no numbers for them:
// Windows. Each call may take any time; nothing can end it.
type Names struct {
	// Find returns an account by its name, or by what Windows has in place of a
	// number. The error wraps ErrUnknown if nobody has that name.
	Find func(name string) (Named, error)

	// Groups lists what Named.ID is for all groups that an account is in.
	Groups func(id string) ([]string, error)
}

// Named is an account of Names.
type Named struct {
	ID   string // a SID
	Name string // DOMAIN\user, as sessions have it
	User bool   // and no group
}

// NewNames returns a DB of such a system. It knows what Person, InGroup, GroupID,
// UserExists, GroupExists and HasDomains are asked, and no numbers.
//
// What it was told holds for a minute. Nobody says on Windows that a group has
// changed. What is older holds for as long as there is no answer, so that a
// rule that forbids something to a group does not end with the domain
// controller.
func NewNames(n Names) *DB {
	db := New()
	db.names = &names{Names: n, found: map[string]remembered[Named]{}, groups: map[string]remembered[[]string]{}}
	return db
}

// names is what was told, and the call that nobody waits for any more.
type names struct {
	Names
	found  map[string]remembered[Named]    // by name, in lower case
	groups map[string]remembered[[]string] // by ID
	late   chan struct{}                   // closed when that call returns; nil if there is none
}

type remembered[T any] struct {
	value T
	err   error // wraps ErrUnknown, or is nil, in what is remembered
	at    time.Time
}

const (
	namesAgain = time.Minute
	maxNames   = 10000 // that are remembered: anybody may ask for any name
)

// HasDomains reports whether all accounts are called DOMAIN\user here, as on
// Windows. Names of them that have no domain are short for these.
func (db *DB) HasDomains() bool { return db.names != nil }

// Person finds a user by name: the name that sessions have, and
// msg.Session.Account of theirs.
func (db *DB) Person(name string) (user, account string, ok bool) {
	if db.names == nil {
		uid, ok := db.UID(name)
		if !ok {
			return "", "", false
		}
		return db.Name(uid), number(uid), true
	}
	n, err := db.find(name)
	if err != nil || !n.User {
		return "", "", false
	}
	return n.Name, strings.ToLower(n.Name), true
}

// UserExists reports whether there is a user of that name. Where Windows cannot
// tell there may be.
func (db *DB) UserExists(name string) bool {
	if db.names == nil {
		_, ok := db.UID(name)
		return ok
	}
	n, err := db.find(name)
	return err == nil && n.User || err != nil && !errors.Is(err, ErrUnknown)
}

// mayBeGroup is GroupExists.
func (db *DB) mayBeGroup(name string) bool {
	n, err := db.find(name)
	return err == nil && !n.User || err != nil && !errors.Is(err, ErrUnknown)
}

// GroupID finds what a group is called in place of its name: its number in
// decimals, or its SID. The error is as that of GID.
func (db *DB) GroupID(name string) (id string, err error) {
	if db.names == nil {
		gid, err := db.GID(name)
		return number(gid), err
	}
	n, err := db.find(name)
	if err == nil && n.User {
		err = fmt.Errorf("%q is no group: %w", name, ErrUnknown)
	}
	if err != nil {
		return "", err
	}
	return n.ID, nil
}

// isMember is InGroup. Who is in a group is found by the group's ID, because
// its name is another one in each language.
func (db *DB) isMember(user, group string) (bool, error) {
	id, err := db.GroupID(group)
	if err != nil {
		return false, err
	}
	u, err := db.find(user)
	if err != nil {
		return false, err
	}
	groups, err := recall(db, db.names.groups, u.ID, func() ([]string, error) { return db.names.Groups(u.ID) })
	return err == nil && slices.Contains(groups, id), err
}

func (db *DB) find(name string) (Named, error) {
	if name == "" {
		return Named{}, ErrUnknown
	}
	return recall(db, db.names.found, strings.ToLower(name), func() (Named, error) { return db.names.Find(name) })
}

// recall returns what is remembered of a key, or asks in its turn.
func recall[T any](db *DB, memory map[string]remembered[T], key string, ask func() (T, error)) (T, error) {
	db.mu.Lock()
	last, ok := memory[key]
	db.mu.Unlock()
	if ok && time.Since(last.at) < namesAgain {
		return last.value, last.err
	}
	now, err := askInTurn(db, memory, key, ask)
	switch {
	case err == nil:
		return now.value, now.err
	case ok:
		return last.value, last.err
	}
	return now.value, err
}

// askInTurn asks, and remembers the answer also if nobody has waited for it so
// long. No call begins while another one is late, or one thread after another
// would be left behind.
func askInTurn[T any](db *DB, memory map[string]remembered[T], key string, ask func() (T, error)) (now remembered[T], err error) {
	err = db.inTurn(func(ctx context.Context) error {
		if late := db.names.late; late != nil {
			select {
			case <-late:
			case <-ctx.Done():
				return errAway
			}
		}
		answer, returned := make(chan remembered[T], 1), make(chan struct{})
		go func() {
			defer close(returned)
			value, err := ask()
			answer <- remember(db, memory, key, value, err)
		}()
		select {
		case now = <-answer:
			if now.err != nil && !errors.Is(now.err, ErrUnknown) {
				return now.err
			}
			return nil
		case <-ctx.Done():
			db.names.late = returned
			return errAway
		}
	})
	return now, err
}

// remember keeps an answer, unless it is that there is none now.
func remember[T any](db *DB, memory map[string]remembered[T], key string, value T, err error) remembered[T] {
	now := remembered[T]{value, err, time.Now()}
	if err == nil || errors.Is(err, ErrUnknown) {
		db.mu.Lock()
		defer db.mu.Unlock()
		if len(memory) >= maxNames {
			clear(memory)
		}
		memory[key] = now
	}
	return now
}
