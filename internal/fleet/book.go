package fleet

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// book is the member book of a hub: who is a member, with what key, tags and
// grant; which secrets of join tokens are still good; what is revoked. It is
// one file, written whole at each change: an office has thousands of members
// and a few changes a day.
type book struct {
	path string

	mu      sync.Mutex
	members map[string]*record // by name
	byKey   map[string]*record
	invites map[string]*invitation // by the hash of the secret
	removed []string               // keys of former members, which do not come back, and IDs of grants that were taken away
	revoked []byte                 // the sealed list; nil if there is none
	last    int                    // number of the newest member

	site    string            // that the members are of
	taken   map[string]string // names of members of other sites, with those
	changed func()            // is told of each change, and must not wait; may be nil
	came    func()            // is told of each member that connects, and must not wait; may be nil
}

// record is one member.
type record struct {
	Name   string    `json:"name"`
	Key    string    `json:"key"`
	Tags   []string  `json:"tags,omitempty"`
	Grant  []byte    `json:"grant,omitempty"` // sealed
	Joined time.Time `json:"joined"`

	Seen    time.Time `json:"seen,omitzero"`
	Version string    `json:"version,omitempty"`

	Number  int      `json:"number,omitempty"`  // of the member at this hub, never another's
	Senders []string `json:"senders,omitempty"` // of a site: its members that have a grant

	site string // of the book
}

// invitation is a secret that makes members.
type invitation struct {
	Left  int       `json:"left"`
	Until time.Time `json:"until"`
	Site  string    `json:"site,omitempty"` // that may join with it, and no member
}

// bookJSON is the file.
type bookJSON struct {
	Members []*record              `json:"members"`
	Invites map[string]*invitation `json:"invites"`
	Removed []string               `json:"removed,omitempty"`
	Revoked []byte                 `json:"revoked,omitempty"`
	Last    int                    `json:"last,omitempty"`
}

func newBook(dir string) *book {
	return &book{path: filepath.Join(dir, bookFile), members: map[string]*record{}, byKey: map[string]*record{}, invites: map[string]*invitation{}, site: site}
}

func loadBook(dir string) (*book, error) {
	b := newBook(dir)
	var j bookJSON
	err := readJSON(b.path, &j)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the book of the hub, %q, is gone: put a copy of it there; without one, remove the folder and make another hub with msgd hub init", b.path)
	}
	for _, r := range j.Members {
		b.members[r.Name], b.byKey[r.Key] = r, r
	}
	maps.Copy(b.invites, j.Invites)
	b.revoked, b.removed, b.last = j.Revoked, j.Removed, j.Last
	return b, err
}

// save writes the book. The caller holds mu, or has the book alone.
func (b *book) save() error {
	j := bookJSON{Invites: b.invites, Revoked: b.revoked, Removed: b.removed, Last: b.last}
	for _, name := range slices.Sorted(maps.Keys(b.members)) {
		j.Members = append(j.Members, b.members[name])
	}
	err := writeJSON(b.path, j)
	if err == nil && b.changed != nil {
		b.changed()
	}
	return err
}

// saveOr writes the book, and undoes what cannot be written: what is told must
// not be gone after a restart. mu is held.
func (b *book) saveOr(undo func()) error {
	err := b.save()
	if err != nil {
		undo()
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return nil
}

// copied is a copy of a member for others; mu is held.
func (b *book) copied(r *record) record {
	c := *r
	c.site = b.site
	return c
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// maxInvites is how many secrets are good at the same time.
const maxInvites = 1000

// invite makes a secret for so many computers.
func (b *book) invite(uses int, until time.Time) (string, error) {
	return b.addInvitation(&invitation{Left: uses, Until: until.UTC()})
}

func (b *book) addInvitation(i *invitation) (string, error) {
	raw := make([]byte, secretSize)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	secret := tokenCode.EncodeToString(raw)
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.invites, func(_ string, i *invitation) bool { return i.Left < 1 || !time.Now().Before(i.Until) })
	if len(b.invites) >= maxInvites {
		return "", fmt.Errorf("there are %d join tokens already that are still good", len(b.invites))
	}
	b.invites[hashOf(secret)] = i
	return secret, b.saveOr(func() { delete(b.invites, hashOf(secret)) })
}

// find returns a copy of the member with a key.
func (b *book) find(key string) (record, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.byKey[key]; r != nil {
		return b.copied(r), true
	}
	return record{}, false
}

// named returns a copy of the member of a name.
func (b *book) named(name string) (record, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.members[name]; r != nil {
		return b.copied(r), true
	}
	return record{}, false
}

// redeem makes a member out of a key and a secret.
func (b *book) redeem(secret, name, key string, now time.Time) (record, error) {
	of := siteOf(name)
	if of == "" {
		if err := CheckName(name); err != nil {
			return record{}, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.invites[hashOf(secret)]
	switch {
	case secret == "" && slices.Contains(b.removed, key):
		return record{}, errors.New("its key was revoked")
	case secret == "":
		return record{}, errors.New("its key is not in the book of this hub, which may be an older copy, and it has no join token")
	case i == nil || i.Left < 1:
		return record{}, errors.New("the join token is used up, or of another hub")
	case i.Site == "" && of != "":
		return record{}, fmt.Errorf("the join token is for members, and %q is the leaf hub of a site: msgd hub token --site %s makes those", name, of)
	case i.Site != of:
		return record{}, fmt.Errorf("the join token is for the leaf hub of site %q, which is not %q: msgd hub token makes those of members, and with --site those of sites", i.Site, name)
	case !now.Before(i.Until):
		return record{}, fmt.Errorf("the join token has expired on %s", i.Until.Format(time.RFC3339))
	case slices.Contains(b.removed, key):
		return record{}, errors.New("its key was revoked: remove the folder of the fleet on that computer, and join anew")
	case b.members[name] != nil:
		return record{}, fmt.Errorf("there is a member %q with another key already: msgd revoke %s comes first", name, name)
	case b.taken[name] != "":
		return record{}, fmt.Errorf("there is a member %q at site %s already", name, b.taken[name])
	case b.last >= maxNumber:
		return record{}, fmt.Errorf("this hub has had %d members, which is the most it can count", b.last)
	}
	b.last++
	r := &record{Name: name, Key: key, Joined: now.UTC(), Seen: now.UTC(), Number: b.last}
	i.Left--
	b.members[name], b.byKey[key] = r, r
	return b.copied(r), b.saveOr(func() {
		i.Left++
		delete(b.members, name)
		delete(b.byKey, key)
	})
}

// change changes one member.
func (b *book) change(name string, change func(*record)) (record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.members[name]
	if r == nil {
		return record{}, b.notMember(name)
	}
	before := *r
	change(r)
	return b.copied(r), b.saveOr(func() { *r = before })
}

// remove takes a member out of the book.
func (b *book) remove(name string) (record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.members[name]
	if r == nil {
		return record{}, b.notMember(name)
	}
	delete(b.members, name)
	delete(b.byKey, r.Key)
	b.removed = append(b.removed, r.Key)
	return b.copied(r), b.saveOr(func() {
		b.members[name], b.byKey[r.Key] = r, r
		b.removed = b.removed[:len(b.removed)-1]
	})
}

// saw remembers that a member was there. It is on the disk with the next
// change: it is not worth a write of its own.
func (b *book) saw(name, version string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.members[name]; r != nil {
		r.Seen = now.UTC()
		if version != "" {
			r.Version = version
		}
	}
}

// all returns copies of the members, by name.
func (b *book) all() []record {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]record, 0, len(b.members))
	for _, name := range slices.Sorted(maps.Keys(b.members)) {
		list = append(list, b.copied(b.members[name]))
	}
	return list
}

func (b *book) setRevoked(data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.revoked
	b.revoked = data
	return b.saveOr(func() { b.revoked = before })
}

// takenAway are the keys and grants of those that were removed.
func (b *book) takenAway() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.removed)
}

// ungrant takes the grant of a member away.
func (b *book) ungrant(name, id string) (record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.members[name]
	if r == nil {
		return record{}, b.notMember(name)
	}
	grant := r.Grant
	r.Grant = nil
	b.removed = append(b.removed, id)
	return b.copied(r), b.saveOr(func() {
		r.Grant = grant
		b.removed = b.removed[:len(b.removed)-1]
	})
}

func (b *book) getRevoked() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.revoked
}

// has reports why a name is not that of a member here.
func (b *book) has(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.members[name] == nil {
		return b.notMember(name)
	}
	return nil
}

// notMember says what is wrong with a name; mu is held.
func (b *book) notMember(name string) error {
	if site := b.taken[name]; site != "" {
		return fmt.Errorf("%q is a member of site %s: its leaf hub does that", name, site)
	}
	return fmt.Errorf("%q is not a member: msgd members lists them", name)
}

// setTaken remembers the names of the members of other sites.
func (b *book) setTaken(names map[string]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken = names
}
