package hosttest

import (
	"context"
	"strings"
	"sync"
)

// Screen is what a place has been shown so far. Its zero value is empty; it is
// an io.Writer for whatever fills it.
type Screen struct {
	mu      sync.Mutex
	text    []byte
	changed chan struct{} // closed by the next Write; nil if nobody waits
}

// Write appends what was shown; it never fails.
func (s *Screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, b...)
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
	return len(b), nil
}

// String returns everything so far.
func (s *Screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}

// Len is how many bytes were shown so far, for WaitAfter.
func (s *Screen) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.text)
}

// Wait returns true when the screen shows text, false when ctx has ended.
func (s *Screen) Wait(ctx context.Context, text string) bool { return s.WaitAfter(ctx, 0, text) }

// WaitAfter is Wait for text that is shown behind the first n bytes.
func (s *Screen) WaitAfter(ctx context.Context, n int, text string) bool {
	for {
		s.mu.Lock()
		if strings.Contains(string(s.text[n:]), text) {
			s.mu.Unlock()
			return true
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
