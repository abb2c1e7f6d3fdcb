package account

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// table is /etc/passwd or /etc/group, and what getent said of entries that are
// not in it. The name is in the first field of a line, the number in the third.
type table struct {
	path, database string

	names   map[uint32]string
	entries map[string]entry
	local   map[string]uint32 // of the file alone
	nobody  map[string]bool   // names that do not exist; not those that could not be looked up

	read, looked time.Time // when the file was read, and when it was looked at
	version      fileVersion
}

// entry is what belongs to a name.
type entry struct {
	id     uint32
	fourth string // field: the main group of a user, the members of a group
}

// fileVersion tells one content of a file from another.
type fileVersion struct {
	modified time.Time
	size     int64
}

const (
	lookAgain = time.Second     // the file is not looked at more often
	askAgain  = 5 * time.Minute // what getent said is forgotten after that
)

// refresh reads the file if it was not read yet or has changed since.
func (t *table) refresh() {
	now := time.Now()
	if !t.read.IsZero() && now.Sub(t.looked) < lookAgain {
		return
	}
	t.looked = now
	var version fileVersion
	if info, err := os.Stat(t.path); err == nil {
		version = fileVersion{info.ModTime(), info.Size()}
	}
	if t.read.IsZero() || version != t.version || now.Sub(t.read) > askAgain {
		t.read, t.version = now, version
		b, _ := os.ReadFile(t.path) // without it getent has to know everybody
		t.parse(string(b))
	}
}

// parse reads the lines. Of several names for one number the first is its name,
// as in the C library.
func (t *table) parse(file string) {
	t.names, t.entries = map[uint32]string{}, map[string]entry{}
	t.local, t.nobody = map[string]uint32{}, map[string]bool{}
	for line := range strings.Lines(file) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(fields) < 4 || fields[0] == "" {
			continue
		}
		id, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		if _, ok := t.names[uint32(id)]; !ok {
			t.names[uint32(id)] = fields[0]
		}
		if _, ok := t.entries[fields[0]]; !ok {
			t.entries[fields[0]], t.local[fields[0]] = entry{uint32(id), fields[3]}, uint32(id)
		}
	}
}
