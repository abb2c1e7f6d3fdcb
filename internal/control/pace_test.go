package control

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestPace has one account ask as fast as it can: it gets what the pace allows,
// and nobody else waits for that.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p paces
		begun := time.Now()
		for range paceBurst + 10*paceRate {
			p.wait(t.Context(), "1001")
		}
		if took := time.Since(begun); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("a flood took %v, want 10 s", took)
		}
		begun = time.Now()
		for range paceBurst {
			p.wait(t.Context(), "1002")
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("somebody else waited for %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if p.wait(ctx, "1001"); time.Since(begun) != 0 {
			t.Error("the end of the server is waited for")
		}
	})
}

// TestPaceForgets has very many accounts ask once.
func TestPaceForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p paces
		for i := range 100 * paceMany {
			p.wait(t.Context(), fmt.Sprint(i))
			time.Sleep(time.Millisecond) // of the bubble's clock
		}
		if n := len(p.of); n > 2*paceMany {
			t.Errorf("%d accounts are remembered", n)
		}
	})
}
