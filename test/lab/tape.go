package lab

import (
	"bytes"
	"context"
	"strings"
	"sync"
)

// A tape keeps all that is written to it and wakes those who wait for something
// to appear.
type tape struct {
	mu   sync.Mutex
	text []byte
	more chan struct{} // closed at the next write, or at the end
	end  bool
}

func newTape() *tape { return &tape{more: make(chan struct{})} }

// Write appends p.
func (t *tape) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	close(t.more)
	t.more = make(chan struct{})
	return len(p), nil
}

// Close says that nothing more will come.
func (t *tape) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.end {
		t.end = true
		close(t.more)
	}
	return nil
}

// ended reports whether nothing more will come.
func (t *tape) ended() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.end
}

// String returns everything written so far.
func (t *tape) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// wait returns nil as soon as found likes the text, the cause of ctx if that
// ends before, and errEnded if the last write has been made without it. found
// must not keep the text.
func (t *tape) wait(ctx context.Context, found func(text []byte) bool) error {
	for {
		t.mu.Lock()
		ok, end, more := found(t.text), t.end, t.more
		t.mu.Unlock()
		if ok {
			return nil
		}
		if end {
			return errEnded
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-more:
		}
	}
}

// contains returns a condition for wait.
func contains(substring string) func([]byte) bool {
	want := []byte(substring)
	return func(text []byte) bool { return bytes.Contains(text, want) }
}

// tail returns the last lines of a text, for messages about a failure.
func tail(text string) string {
	const keep = 30
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	if len(lines) > keep {
		lines = lines[len(lines)-keep:]
	}
	return strings.Join(lines, "\n")
}
