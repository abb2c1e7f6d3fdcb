package samba

import (
	"fmt"
	"sync"
	"testing"

	"msg"
	"msg/internal/daemon"
	"msg/internal/hosttest"
	"msg/internal/tsts"
)

// roomy has room for as many clients of one account as a test makes.
func roomy(c *daemon.Config) { c.Limits.Clients, c.Limits.ClientsPerAccount = 2000, 2000 }

// TestManyAtOnce signs an account in many times at the same moment, when
// nothing is known of it yet: its groups are not lost over that.
func TestManyAtOnce(t *testing.T) {
	open(t, roomy, seat("7", "pts/3", "bob", "", ""))
	target, err := msg.ParseTarget("7")
	if err != nil {
		t.Fatal(err)
	}
	const many = 60
	var all sync.WaitGroup
	for n := range many {
		all.Go(func() {
			h, err := tsts.Open(t.Context(), tsts.Options{Name: fmt.Sprintf("h%d", n+1), Account: as("alice")})
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			err = h.Send(t.Context(), target, hosttest.Message("hello"), func(r msg.Receipt) {
				if r.Outcome != msg.OutcomeAccepted {
					t.Errorf("%d: %s: %s", n, r.Outcome, r.Detail)
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
