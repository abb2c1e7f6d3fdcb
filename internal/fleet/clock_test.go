package fleet

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"msg/internal/hosttest"
)

// TestClockOff holds that the log of a member says that its clock is wrong, and not
// only that of those who refuse what it sends.
func TestClockOff(t *testing.T) {
	o := newOffice(t)
	lab := o.join("lab-07")
	for _, off := range []time.Duration{0, 10 * time.Minute} {
		lab.end()
		log := &hosttest.Screen{}
		lab.run(func(n *Node) {
			n.log = slog.New(slog.NewTextHandler(log, nil))
			n.clock = func() time.Time { return time.Now().Add(-off) }
		})
		lab.waitFor("it has asked the hub", func() bool { return strings.Contains(log.String(), "in the fleet") })
		expect(t, "is it said with "+off.String(), strings.Contains(log.String(), "hub_is_ahead_by=10m0s"), off > 0)
	}
}
