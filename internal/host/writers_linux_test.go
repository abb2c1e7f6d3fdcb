package host

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"msg/internal/hosttest"
)

// TestSlowRound has a computer on which the writers are slow. No terminal is
// to blame for it.
func TestSlowRound(t *testing.T) {
	const each, many = takeTimeout / 3, 10 * maxWriters
	w := newWorld(t)
	var terms []terminal
	for range many {
		terms = append(terms, terminal{name: hosttest.OpenPTY(t, 80, 24).Name, uid: uint32(os.Getuid())})
	}
	r := w.newRun(t.Context(), hosttest.Message("x"))
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		done, waiting := r.firstRound(many, func(i int) (terminal, bool) {
			time.Sleep(each)
			return terms[i], true
		})
		if len(done) != many || len(waiting) != 0 {
			t.Errorf("%d are done and %d wait, of %d", len(done), len(waiting), many)
		}
		for _, x := range done {
			if x.err != nil {
				t.Error(x.err)
			}
		}
		if took := time.Since(begin); took < takeTimeout {
			t.Errorf("%v is no slow round", took)
		}
	})
}

// TestHeldRound has owners of terminals who hold up everybody who opens one:
// for good, and for a moment each.
func TestHeldRound(t *testing.T) {
	const many = 1000
	for _, c := range []struct{ each, within time.Duration }{
		{time.Hour, takeTimeout + patience},
		{takeTimeout - patience, maxRound},
	} {
		t.Run(fmt.Sprint(c.each), func(t *testing.T) {
			r := newWorld(t).newRun(t.Context(), hosttest.Message("x"))
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				r.firstRound(many, func(int) (terminal, bool) {
					time.Sleep(c.each)
					return terminal{}, false
				})
				if took := time.Since(begin); took > c.within {
					t.Errorf("it took %v", took)
				}
				time.Sleep(many * c.each) // for the writers that were left behind
			})
		})
	}
}
