package cli

import (
	"testing"

	"msg"
)

// TestReachLines holds that people for whom a message is kept are not taken for
// sessions that have it.
func TestReachLines(t *testing.T) {
	r := msg.Reach{Hosts: 2, Reached: 1, Absent: 1, Sessions: 1, Kept: 3}
	for want, line := range map[string]string{
		"2 hosts, 1 reached, 1 not connected; 1 session, 3 kept":             SummaryLine(r, msg.Message{}),
		"2 hosts, 1 reached, 1 not connected; 1 session, 3 kept, 0 answered": SummaryLine(r, msg.Message{Wait: true}),
		"1 of 2 hosts reached, 1 session, 3 kept, 1 not connected":           ReachLine(r),
	} {
		if line != want {
			t.Errorf("%q, want %q", line, want)
		}
	}
}
