package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// held is a message that this computer was sent. Its file is there before
// anything is shown, and until the message has expired: that is what keeps it
// from being shown twice.
type held struct {
	ID      string    `json:"id"`
	Wire    []byte    `json:"wire,omitempty"` // until all is done
	Expires time.Time `json:"expires"`
	Report  Report    `json:"report"` // the latest
	Taken   int       `json:"taken"`  // serial of the last report that the hub has
	Copies  []int64   `json:"copies"` // that have come, by Envelope.Again; see isReplay

	mu       sync.Mutex
	attended bool // it is the daemon's, and msgd only looks on
	dirty    bool // the file is older, by what would be found out again
}

// settled reports whether nothing more is to be done; mu is held.
func (h *held) settled() bool { return h.Report.Done && h.Taken >= h.Report.Serial }

// inbox is a folder with a file for each message.
type inbox struct {
	dir  string
	mu   sync.Mutex
	list map[string]*held
}

// maxHeld bounds what a sender who is allowed to can leave here.
const maxHeld = 20_000

func openInbox(dir string, now time.Time) (*inbox, error) {
	b := &inbox{dir: dir, list: map[string]*held{}}
	err := eachFile(dir, func(path string) error {
		h := &held{}
		if err := readJSON(path, h); err != nil {
			return err
		}
		if h.settled() && !now.Before(h.Expires.Add(maxSkew)) {
			return os.Remove(path)
		}
		b.list[h.ID] = h
		return nil
	})
	return b, err
}

// eachFile visits the files of a folder, which it makes.
func eachFile(dir string, visit func(path string) error) error {
	if err := makeFolder(dir); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading a folder: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !strings.HasSuffix(e.Name(), ".json") {
			err = os.Remove(path) // one that was not finished
		} else {
			err = visit(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// add takes a message in, or returns the one that is there with fresh false.
func (b *inbox) add(h *held, now time.Time) (_ *held, fresh bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.list[h.ID]; old != nil {
		return old, false, nil
	}
	if len(b.list) >= maxHeld {
		b.forgetLocked(now)
	}
	if len(b.list) >= maxHeld {
		return nil, false, fmt.Errorf("%d messages of the fleet are here already that have not expired", len(b.list))
	}
	if err := b.write(h); err != nil {
		return nil, false, err
	}
	b.list[h.ID] = h
	return h, true, nil
}

// serialsOfLife is more than msgd makes reports on one message before it ends.
const serialsOfLife = 1 << 20

// revive is for a message that msgd was at when it ended. How many reports had
// left by then is not written down, and none of the next may be taken for older.
func (b *inbox) revive(h *held) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Report.Serial += serialsOfLife
	return b.write(h)
}

// flush writes what was not worth a write of its own: that the hub has the last
// report.
func (b *inbox) flush(h *held) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.dirty {
		return nil
	}
	if err := b.write(h); err != nil {
		return err
	}
	h.dirty = false
	return nil
}

func (b *inbox) flushAll() (err error) {
	for _, h := range b.all() {
		err = errors.Join(err, b.flush(h))
	}
	return err
}

func (b *inbox) write(h *held) error { return writeJSON(filepath.Join(b.dir, h.ID+".json"), h) }

// forget lets go of what has expired and is settled.
func (b *inbox) forget(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetLocked(now)
}

func (b *inbox) forgetLocked(now time.Time) {
	for id, h := range b.list {
		h.mu.Lock()
		over := h.settled() && !now.Before(h.Expires.Add(maxSkew))
		h.mu.Unlock()
		if over {
			_ = os.Remove(filepath.Join(b.dir, id+".json")) // the next Open tries again
			delete(b.list, id)
		}
	}
}

// all returns what is there.
func (b *inbox) all() []*held {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]*held, 0, len(b.list))
	for _, h := range b.list {
		list = append(list, h)
	}
	return list
}

func (b *inbox) get(id string) *held {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list[id]
}
