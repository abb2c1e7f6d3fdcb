package fleetchaos

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"msg"
)

// board is what has happened so far on all members, which can be waited for.
type board struct {
	mu      sync.Mutex
	changed chan struct{}             // closed by the next change
	shown   map[string]map[string]int // by text, then by member: how often
	total   int                       // of all that was shown
	heard   int                       // final receipts of what was shown
	online  map[string]bool           // members that have the hub's word that they are in the fleet
	there   map[string]int            // the same as a number, by what is in front of the last hyphen
	maySend map[string]int            // how often the hub gave a member a grant
	errors  []string                  // what should not be
	refused map[string]int            // how often something was refused for a reason
	letters map[string]*letter        // what was sent, by ID
}

func newBoard() *board {
	return &board{changed: make(chan struct{}), shown: map[string]map[string]int{}, online: map[string]bool{}, there: map[string]int{}, maySend: map[string]int{}, refused: map[string]int{}, letters: map[string]*letter{}}
}

func (b *board) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	close(b.changed)
	b.changed = make(chan struct{})
}

// set notes that a member is in the fleet, or not; mu is held.
func (b *board) set(member string, online bool) {
	kind := member[:max(0, strings.LastIndexByte(member, '-'))]
	if kind == "" {
		kind = member
	}
	switch {
	case online && !b.online[member]:
		b.there[kind]++
	case !online && b.online[member]:
		b.there[kind]--
	}
	b.online[member] = online
}

// letter is a message that was sent, with what the sender knows of it.
type letter struct {
	m        msg.Message
	receipts map[string]msg.Receipt // by host, the last
	sessions map[string]msg.Receipt // by host and session, the last
	over     bool
	err      string
}

// show notes that a member was shown a text; mu is held.
func (b *board) show(member, text string) {
	if b.shown[text] == nil {
		b.shown[text] = map[string]int{}
	}
	b.shown[text][member]++
	b.total++
}

// patience is far more than anything takes on a busy computer.
const patience = 2 * time.Minute

// until waits until something is so; it is looked at after each change.
func (b *board) until(t testing.TB, what string, is func() bool) {
	t.Helper()
	if !b.wait(is) {
		t.Fatalf("waited in vain until %s", what)
	}
}

func (b *board) wait(is func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		b.mu.Lock()
		so, changed := is(), b.changed
		b.mu.Unlock()
		if so {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// counts returns how often each member was shown a text.
func (b *board) counts(text string) map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.shown[text])
}
