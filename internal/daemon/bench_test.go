package daemon

import (
	"fmt"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// BenchmarkAccept is what a message costs before it is shown, and until its
// sender has heard of every terminal; the sync of the disk is the most of it.
func BenchmarkAccept(b *testing.B) {
	for _, n := range []int{1, 50, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			fake := hosttest.NewFake()
			for i := range n {
				fake.Arrive(seat(fmt.Sprint(i), "bob"))
			}
			o := run(b, testConfig(b), fake)
			shown := time.Duration(0)
			for b.Loop() {
				began, first := time.Now(), time.Duration(0)
				o.fake.Shown = func(msg.Session, msg.Message) {
					if first == 0 {
						first = time.Since(began)
					}
				}
				if n > 1 { // from one goroutine
					o.fake.Shown = nil
				}
				o.must("root", "*", newMessage("Meeting in 5 minutes"))
				shown += first
			}
			if n == 1 {
				b.ReportMetric(float64(shown.Microseconds())/float64(b.N), "µs-until-shown")
			}
		})
	}
}

// BenchmarkPlan is the part of it that needs no disk.
func BenchmarkPlan(b *testing.B) {
	fake := hosttest.NewFake()
	for i := range 500 {
		fake.Arrive(seat(fmt.Sprint(i), "bob"))
	}
	o := run(b, testConfig(b), fake)
	sessions, _ := fake.Sessions(b.Context())
	target, _ := msg.ParseTarget("*")
	b.ReportAllocs()
	for b.Loop() {
		e, err := newEntry(principal("zoe"), target, newMessage("Meeting in 5 minutes"), time.Now())
		if err != nil {
			b.Fatal(err)
		}
		pl, err := o.newPlan(e, target, sessions, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := encodeEntry(pl.entry); err != nil {
			b.Fatal(err)
		}
		encodeSessions(pl.places)
	}
}
