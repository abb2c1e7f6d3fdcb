package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"
)

// users looks accounts up and remembers them for one command.
//
// os/user without cgo knows /etc/passwd only, and reads it anew each time.
// Here it is read once. Accounts from a directory (LDAP, sssd, winbind) are
// asked of getent(1), which goes through the system's NSS modules; most
// commands never need it.
type users struct {
	mu    sync.Mutex
	names map[uint32]string
	uids  map[string]uint32

	once   sync.Once
	local  map[string]uint32 // of /etc/passwd, never changed
	nobody map[string]bool   // names that getent does not know
	until  time.Time         // when getent is asked no more
}

func newUsers() *users { return &users{} }

// name returns the user name of uid, or the number if nobody knows it.
func (u *users) name(uid uint32) string {
	u.once.Do(u.read)
	u.mu.Lock()
	defer u.mu.Unlock()
	name, ok := u.names[uid]
	if !ok {
		name = strconv.FormatUint(uint64(uid), 10)
		if fields, err := u.getent(name); err == nil {
			name = fields[0]
		}
		u.names[uid] = name
	}
	return name
}

// uid returns the user ID of a name.
func (u *users) uid(name string) (uint32, bool) {
	u.once.Do(u.read)
	u.mu.Lock()
	defer u.mu.Unlock()
	if uid, ok := u.uids[name]; ok {
		return uid, true
	}
	if u.nobody[name] {
		return 0, false
	}
	fields, err := u.getent(name)
	if err != nil {
		u.nobody[name] = true
		return 0, false
	}
	uid, err := strconv.ParseUint(fields[2], 10, 32)
	if err != nil {
		return 0, false
	}
	u.uids[name] = uint32(uid)
	return uint32(uid), true
}

// localUID is uid for accounts of /etc/passwd; it asks nobody else.
func (u *users) localUID(name string) (uint32, bool) {
	u.once.Do(u.read)
	uid, ok := u.local[name]
	return uid, ok
}

// read reads /etc/passwd. Of several names for one ID the first is its
// name, as in the C library.
func (u *users) read() {
	u.names, u.uids, u.nobody = map[uint32]string{}, map[string]uint32{}, map[string]bool{}
	u.local = map[string]uint32{}
	b, _ := os.ReadFile("/etc/passwd") // without it getent has to know everybody
	for line := range strings.Lines(string(b)) {
		fields := strings.Split(line, ":")
		if len(fields) < 7 {
			continue
		}
		uid, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		if _, ok := u.names[uint32(uid)]; !ok {
			u.names[uint32(uid)] = fields[0]
		}
		if _, ok := u.uids[fields[0]]; !ok {
			u.uids[fields[0]], u.local[fields[0]] = uint32(uid), uint32(uid)
		}
	}
}

// account is what a process with a user's rights is started with.
type account struct {
	name, home string
	uid, gid   uint32
	groups     []uint32
}

// account looks up everything about one user. Groups that cannot be found out
// are left off: the process then has fewer rights, never more.
func (u *users) account(uid uint32) (account, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	id := strconv.FormatUint(uint64(uid), 10)
	entry, err := user.LookupId(id)
	if err != nil {
		fields, nssErr := u.getent(id)
		if nssErr != nil {
			return account{}, fmt.Errorf("looking up user %d: %w", uid, err)
		}
		entry = &user.User{Uid: id, Username: fields[0], Gid: fields[3], HomeDir: fields[5]}
	}
	gid, err := strconv.ParseUint(entry.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("group of user %d: %w", uid, err)
	}
	a := account{name: entry.Username, home: entry.HomeDir, uid: uid, gid: uint32(gid)}
	ids, _ := entry.GroupIds()
	for _, g := range ids {
		if n, err := strconv.ParseUint(g, 10, 32); err == nil {
			a.groups = append(a.groups, uint32(n))
		}
	}
	return a, nil
}

// getentTimeout bounds a directory server that does not answer: it is for all
// look-ups of one command together.
const getentTimeout = 2 * time.Second

// getent returns the seven fields of one passwd entry.
func (u *users) getent(key string) ([]string, error) {
	if key == "" || strings.HasPrefix(key, "-") {
		return nil, fmt.Errorf("%q is no user", key)
	}
	if u.until.IsZero() {
		u.until = time.Now().Add(getentTimeout)
	}
	ctx, cancel := context.WithDeadline(context.Background(), u.until)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/getent", "passwd", key)
	cmd.Env = []string{}
	cmd.WaitDelay = 100 * time.Millisecond
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	fields := strings.Split(strings.TrimSuffix(string(out), "\n"), ":")
	if len(fields) != 7 || fields[0] == "" {
		return nil, fmt.Errorf("getent passwd %q printed no entry", key)
	}
	return fields, nil
}

// Caller names who runs this process, as the kernel knows it and not as the
// environment says.
func Caller() string {
	return newUsers().name(uint32(os.Getuid()))
}
