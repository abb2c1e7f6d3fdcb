package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// inboxFile is the log of an inbox, in its folder.
const inboxFile = "log"

// logEntry is a line of the log: all of a message that was taken in, or what
// has changed since the line before on it.
type logEntry struct {
	ID      string    `json:"id"`
	Wire    []byte    `json:"wire,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // of a line that has all
	Report  []byte    `json:"report,omitempty"` // as it is signed
	Taken   int       `json:"taken,omitempty"`
	Copies  []int64   `json:"copies,omitempty"`
	Gone    bool      `json:"gone,omitempty"` // it is forgotten
}

// inboxLog is a file that lines are added to, so that a change costs one write
// and one sync, and those that come together one sync. A line begins with its
// checksum: one that a crash has cut off, or never let get to the disk, is
// passed by; nobody was told that it was there.
//
// What is not true any more stays in the file until it is written anew: when
// nothing has happened for a while, or when it has grown.
type inboxLog struct {
	path string

	syncing sync.Mutex // is locked before mu
	synced  int64      // of added

	mu     sync.Mutex
	file   *os.File // nil until something is added
	added  int64    // bytes, since this was made
	size   int64    // of the file
	base   int64    // what that was when it was written anew
	broken bool     // a line may be there in part, or not on the disk
}

// mayGrow is by how much the file may grow, beside twice its size, until it is
// written anew while messages come.
const mayGrow = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumSize is that of a checksum and the blank behind it.
const sumSize = 9

func appendLine(to, text []byte) []byte {
	to = fmt.Appendf(to, "%08x ", crc32.Checksum(text, castagnoli))
	return append(append(to, text...), '\n')
}

// parseLine returns the text of a line that is whole.
func parseLine(line []byte) (text []byte, whole bool) {
	if len(line) <= sumSize || line[sumSize-1] != ' ' {
		return nil, false
	}
	sum, err := strconv.ParseUint(string(line[:sumSize-1]), 16, 32)
	text = line[sumSize:]
	return text, err == nil && uint32(sum) == crc32.Checksum(text, castagnoli)
}

// read returns what the log says.
func (l *inboxLog) read() (map[string]*held, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries, err := l.entries()
	if err != nil {
		return nil, err
	}
	list := make(map[string]*held, len(entries))
	for id, e := range entries {
		h := &held{ID: id, Wire: e.Wire, Expires: e.Expires, Taken: e.Taken, Copies: e.Copies}
		if err := decode(e.Report, &h.Report); err != nil {
			return nil, fmt.Errorf("reading %q: message %s: %w", l.path, id, err)
		}
		list[id] = h
	}
	return list, nil
}

// entries are all that there is, by ID; mu is held.
func (l *inboxLog) entries() (map[string]logEntry, error) {
	list := map[string]logEntry{}
	data, err := os.ReadFile(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the inbox: %w", err)
	}
	l.size = int64(len(data))
	l.broken = len(data) > 0 && data[len(data)-1] != '\n'
	for line := range bytes.Lines(data) {
		text, whole := parseLine(bytes.TrimSuffix(line, []byte("\n")))
		if !whole {
			continue
		}
		var e logEntry
		if err := strict(text, &e); err != nil {
			return nil, fmt.Errorf("reading %q: %w", l.path, err)
		}
		e.apply(list)
	}
	return list, nil
}

// apply brings a list up to date with a line.
func (e logEntry) apply(list map[string]logEntry) {
	old, known := list[e.ID]
	switch {
	case e.Gone:
		delete(list, e.ID)
	case !e.Expires.IsZero():
		list[e.ID] = e
	case !known:
	case e.Report != nil: // the last one: the message itself is not needed any more
		old.Report, old.Wire = e.Report, nil
		list[e.ID] = old
	default:
		old.Taken = max(old.Taken, e.Taken)
		if e.Copies != nil {
			old.Copies = e.Copies
		}
		list[e.ID] = old
	}
}

// add adds lines. With sync it returns when they are on the disk.
func (l *inboxLog) add(sync bool, entries ...logEntry) error {
	var lines []byte
	for _, e := range entries {
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("writing the inbox: %w", err)
		}
		lines = appendLine(lines, text)
	}
	end, err := l.write(lines)
	if err == nil && sync {
		err = l.sync(end)
	}
	if err != nil {
		return fmt.Errorf("writing the inbox: %w", err)
	}
	return nil
}

func (l *inboxLog) write(lines []byte) (end int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken || l.size > 2*l.base+mayGrow {
		l.mu.Unlock()
		err := l.renew()
		l.mu.Lock()
		if err != nil {
			return 0, err
		}
	}
	if l.file == nil {
		_, err := os.Lstat(l.path)
		if l.file, err = openToAdd(l.path, errors.Is(err, fs.ErrNotExist)); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(lines)
	l.size, l.added = l.size+int64(n), l.added+int64(n)
	l.broken = l.broken || err != nil
	return l.added, err
}

func openToAdd(path string, made bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil && made {
		syncFolder(filepath.Dir(path))
	}
	return f, err
}

// sync returns when all up to end is on the disk.
func (l *inboxLog) sync(end int64) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.synced >= end { // with another's
		return nil
	}
	l.mu.Lock()
	f, added := l.file, l.added
	l.mu.Unlock()
	if err := f.Sync(); err != nil {
		l.mu.Lock()
		l.broken = true
		l.mu.Unlock()
		return err
	}
	l.synced = added
	return nil
}

// renew writes the file anew, without what is not true any more, and closes it.
func (l *inboxLog) renew() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	list, err := l.entries()
	if err != nil {
		return err
	}
	var lines []byte
	for _, e := range list {
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		lines = appendLine(lines, text)
	}
	if l.file != nil {
		_ = l.file.Close() // what counts is read already
		l.file = nil
	}
	if err := writeFile(l.path, lines); err != nil {
		return err
	}
	l.size, l.base, l.broken, l.synced = int64(len(lines)), int64(len(lines)), false, l.added
	return nil
}

// rest is for when nothing happens: the file is written anew, if that changes
// it, and closed.
func (l *inboxLog) rest() error {
	l.mu.Lock()
	news := l.size != l.base
	l.mu.Unlock()
	if news {
		return l.renew()
	}
	return l.close()
}

// close closes the file until something is added.
func (l *inboxLog) close() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Sync()
	if err == nil {
		l.synced = l.added
	}
	err = errors.Join(err, l.file.Close())
	l.file, l.broken = nil, l.broken || err != nil
	return err
}
