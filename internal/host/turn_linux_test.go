package host

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble types keys at a moment of a time that only passes in the test, and
// checks when a popup of two pages closes and how often it turned a page.
func inBubble(t *testing.T, keys string, wait, timeout, after time.Duration, drawn int) {
	synctest.Test(t, func(t *testing.T) {
		typed := make(chan byte)
		closed := make(chan struct{})
		go func() {
			<-time.After(wait)
			for _, k := range []byte(keys) {
				select {
				case typed <- k:
				case <-closed:
				}
			}
		}()
		var out strings.Builder
		begin := time.Now()
		s := pile{out: &out, width: 40, height: 6}
		s.push(popup{Title: "title", Text: "one\n\n\n\ntwo", Timeout: timeout})
		s.run(typed, nil)
		close(closed)
		if got := time.Since(begin); got != after {
			t.Errorf("closed after %v, want %v", got, after)
		}
		if got := strings.Count(out.String(), "two"); got != drawn {
			t.Errorf("the second page was drawn %d times, want %d", got, drawn)
		}
	})
}

func TestPile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		s := pile{out: &out, width: 40, height: 10}
		more, typed := make(chan handed), make(chan byte)
		begin := time.Now()
		s.push(popup{Title: "first", Text: "text", Timeout: 10 * time.Second})
		go func() {
			<-time.After(2 * time.Second)
			shown := make(chan struct{})
			more <- handed{popup{Title: "second", Text: "text", Timeout: time.Minute}, shown}
			<-shown
			typed <- '\r' // too early to be meant
			<-time.After(2 * time.Second)
			typed <- '\r'
		}()
		s.run(typed, more)
		if got := time.Since(begin); got != 10*time.Second {
			t.Errorf("closed after %v, want 10s: when the first message's time is over", got)
		}
		if got := strings.Count(out.String(), "first"); got != 2 {
			t.Errorf("the first message was drawn %d times, want again when the second is closed", got)
		}
		if !strings.Contains(out.String(), "(1 more)") {
			t.Error("nothing tells of the message underneath")
		}
	})
}
