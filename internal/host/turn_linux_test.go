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
		turnPages(&out, [][]string{{"one"}, {"two"}}, typed, timeout)
		close(closed)
		if got := time.Since(begin); got != after {
			t.Errorf("closed after %v, want %v", got, after)
		}
		if got := strings.Count(out.String(), "two"); got != drawn {
			t.Errorf("the second page was drawn %d times, want %d", got, drawn)
		}
	})
}
