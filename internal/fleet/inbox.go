package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// held is a message that this computer was sent. It is on the disk before
// anything is shown, and until the message has expired: that is what keeps it
// from being shown twice.
type held struct {
	ID      string
	Wire    []byte // until all is done
	Expires time.Time
	Report  Report  // the latest
	Taken   int     // serial of the last report that the hub has
	Copies  []int64 // that have come, by Envelope.Again; see isReplay

	mu       sync.Mutex
	attended bool      // it is the daemon's, and msgd only looks on
	dirty    bool      // the disk does not know what Taken and Copies are
	told     time.Time // when the hub was told last
}

// entry is all of it, for the log.
func (h *held) entry() (logEntry, error) {
	report, err := h.Report.encode()
	return logEntry{ID: h.ID, Wire: h.Wire, Expires: h.Expires, Report: report, Taken: h.Taken, Copies: h.Copies}, err
}

// settled reports whether nothing more is to be done; mu is held.
func (h *held) settled() bool { return h.Report.Done && h.Taken >= h.Report.Serial }

// inbox is what was sent to this computer, in memory and in a log.
type inbox struct {
	dir  string
	log  *inboxLog
	mu   sync.Mutex
	list map[string]*held
}

// maxHeld bounds what a sender who is allowed to can leave here.
const maxHeld = 20_000

func openInbox(dir string, now time.Time) (*inbox, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	b := &inbox{dir: dir, log: &inboxLog{path: filepath.Join(dir, inboxFile)}}
	var err error
	if b.list, err = b.log.read(); err != nil {
		return nil, err
	}
	maps.DeleteFunc(b.list, func(_ string, h *held) bool { return h.over(now) })
	return b, nil
}

// over reports whether nothing can come of it any more; mu is held.
func (h *held) over(now time.Time) bool {
	return h.settled() && !now.Before(h.Expires.Add(maxSkew))
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
		if err := b.forgetLocked(now); err != nil {
			return nil, false, err
		}
	}
	if len(b.list) >= maxHeld {
		return nil, false, fmt.Errorf("%d messages of the fleet are here already that have not expired", len(b.list))
	}
	if err := b.write(h); err != nil {
		_ = b.log.add(false, logEntry{ID: h.ID, Gone: true}) // it may be there all the same
		return nil, false, err
	}
	h.dirty = false
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

// finish writes what came of a message in the end; report is its report as it
// is signed, and h.mu is held.
func (b *inbox) finish(h *held, report []byte) error {
	return b.log.add(true, logEntry{ID: h.ID, Report: report})
}

// flushAll writes what was not worth a write of its own: which reports the hub
// has. At worst it is told twice.
func (b *inbox) flushAll() error {
	var news []logEntry
	for _, h := range b.all() {
		h.mu.Lock()
		if h.dirty {
			news = append(news, logEntry{ID: h.ID, Taken: h.Taken, Copies: slices.Clone(h.Copies)})
			h.dirty = false
		}
		h.mu.Unlock()
	}
	if len(news) == 0 {
		return nil
	}
	return b.log.add(false, news...)
}

// write writes all of a message; h.mu is held, or nobody else knows it.
func (b *inbox) write(h *held) error {
	e, err := h.entry()
	if err != nil {
		return fmt.Errorf("writing the inbox: %w", err)
	}
	return b.log.add(true, e)
}

// forget lets go of what has expired and is settled.
func (b *inbox) forget(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.forgetLocked(now)
}

func (b *inbox) forgetLocked(now time.Time) error {
	var gone []logEntry
	for id, h := range b.list {
		h.mu.Lock()
		over := h.over(now)
		h.mu.Unlock()
		if over {
			gone = append(gone, logEntry{ID: id, Gone: true})
			delete(b.list, id)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return b.log.add(false, gone...)
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
