package account

import (
	"fmt"
	"os/user"
)

// directory is getent for macOS, which has no such program, and whose accounts
// of people are in no file: os/user asks the system's library there, without
// cgo. The members of groups are not told.
func directory(database, key string) ([]string, error) {
	switch database {
	case "passwd":
		u, err := lookup(key, user.LookupId, user.Lookup)
		if err != nil {
			return nil, err
		}
		return []string{u.Username, "*", u.Uid, u.Gid, u.Name, u.HomeDir, ""}, nil
	case "group":
		g, err := lookup(key, user.LookupGroupId, user.LookupGroup)
		if err != nil {
			return nil, err
		}
		return []string{g.Name, "*", g.Gid, ""}, nil
	}
	return nil, fmt.Errorf("there is no database %q", database)
}

// lookup takes a number for an ID, as getent does.
func lookup[T any](key string, byID, byName func(string) (T, error)) (T, error) {
	if isNumber(key) {
		return byID(key)
	}
	return byName(key)
}
