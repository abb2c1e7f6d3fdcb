package host

import (
	"fmt"
	"testing"

	"msg"
	"msg/internal/hosttest"
)

// farm is a computer with n terminals that take everything.
func farm(b *testing.B, n int) (*world, []msg.Session) {
	b.Helper()
	w := newWorld(b)
	for range n {
		w.login(hosttest.OpenPTY(b, 80, 24))
	}
	w.keep()
	sessions, err := w.Sessions(b.Context())
	if err != nil || len(sessions) != n {
		b.Fatalf("%d sessions, %v", len(sessions), err)
	}
	return w, sessions
}

var farmSizes = []int{1, 50, 200, 500}

// BenchmarkDeliver delivers from a kept table to terminals that take
// everything: until each has it and is reported.
func BenchmarkDeliver(b *testing.B) {
	for _, n := range farmSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, sessions := farm(b, n)
			m := hosttest.Message("Meeting in 5 minutes")
			for b.Loop() {
				accepted := 0
				w.Deliver(b.Context(), sessions, m, func(r msg.Receipt) {
					if r.Outcome == msg.OutcomeAccepted {
						accepted++
					}
				})
				if accepted != n {
					b.Fatalf("%d terminals have taken it", accepted)
				}
			}
		})
	}
}

// BenchmarkFind is what Deliver does before it writes.
func BenchmarkFind(b *testing.B) {
	for _, n := range farmSizes {
		for _, tmux := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/tmux=%v", n, tmux), func(b *testing.B) {
				w, sessions := farm(b, n)
				if tmux {
					w.socket("/tmp/tmux-0/default")
				}
				r := w.newRun(b.Context(), hosttest.Message("x"))
				for b.Loop() {
					if places, gone, err := r.match(sessions); len(places) != n || len(gone) > 0 || err != nil {
						b.Fatal(len(places), len(gone), err)
					}
				}
			})
		}
	}
}

// BenchmarkSessions lists from a kept table.
func BenchmarkSessions(b *testing.B) {
	for _, n := range farmSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, _ := farm(b, n)
			for b.Loop() {
				if list, err := w.Sessions(b.Context()); len(list) != n || err != nil {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}
