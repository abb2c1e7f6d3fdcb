package fleetchaos

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"msg"
)

// half is how many members are on each side of the cut.
const half = 20

// Where the hub is reached from both sides.
const nearAddress, farAddress = "10.77.0.1", "10.77.0.2"

// TestPartition holds that the sender is told which members cannot be reached
// while the network is cut, and that these are shown what is kept for them when
// it is whole again, once.
func TestPartition(t *testing.T) {
	needNamespaces(t)
	t.Parallel()
	cable(t)
	o := newOffice(t, nearAddress)
	near := o.crew()
	near.desk("send, broadcast, up to 1000 hosts, 1000 a minute")
	near.join("near", half, true)
	far := o.crew("ip", "netns", "exec", "far")
	far.join("far", half, true)
	p := &partition{near, t}

	p.run("ip", "-n", "far", "link", "set", "far0", "down")
	plain := p.send("plain", 0, false)
	kept := p.send("kept", time.Hour, false)
	asked := p.send("asked", time.Hour, true)
	o.until(t, "the sender has been told", func() bool { return plain.over && kept.over })
	p.expect(plain, "near", msg.OutcomeAccepted, "", 1, 1)
	p.expect(plain, "far", msg.OutcomeFailed, "it did not answer within 10s, and may be off by now", 0, 0)
	p.expect(kept, "near", msg.OutcomeAccepted, "", 1, 1)
	p.expect(kept, "far", msg.OutcomeQueued, "it does not answer, and may be off by now", 0, 0)
	if asked.over {
		t.Error("nobody waits for the answers of those that cannot be reached")
	}
	p.run("ip", "-n", "far", "link", "set", "far0", "up")
	// What the far side was shown is told by another process than what it has answered.
	wasShown := func(l *letter) bool { return len(o.shown[l.m.Text]) == 2*half }
	o.until(t, "all have answered and were shown what was kept", func() bool { return asked.over && wasShown(asked) && wasShown(kept) })
	p.expect(asked, "near", msg.OutcomeAnswered, "", 1, 1)
	p.expect(asked, "far", msg.OutcomeAnswered, "", 1, 1)

	// The same with a hub that does not know the connections from before.
	p.run("ip", "-n", "far", "link", "set", "far0", "down")
	o.hub.end(os.Kill)
	o.start()
	o.until(t, "the near side is back", func() bool { return o.online["desk"] && o.there["near"] == half })
	plain2 := p.send("plain again", 0, false)
	kept2 := p.send("kept again", time.Hour, true)
	o.until(t, "the sender has been told", func() bool { return plain2.over })
	p.expect(plain2, "near", msg.OutcomeAccepted, "", 1, 1)
	p.expect(plain2, "far", msg.OutcomeFailed, "it is not connected", 0, 0)
	p.run("ip", "-n", "far", "link", "set", "far0", "up")
	o.until(t, "all have answered", func() bool { return kept2.over && wasShown(kept2) })
	p.expect(kept2, "near", msg.OutcomeAnswered, "", 1, 1)
	p.expect(kept2, "far", msg.OutcomeAnswered, "", 1, 1)
	p.shown(kept, "far", 1, 1)
	p.shown(plain, "far", 0, 1) // it was in the cable when that was cut
	p.shown(plain2, "far", 0, 0)
}

// cable makes a second network, with a cable to it.
func cable(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		for _, line := range []string{"link del near0", "netns del far"} { // which may not be there
			_ = exec.Command("ip", strings.Fields(line)...).Run()
		}
	})
	for _, line := range []string{
		"netns add far",
		"link add near0 type veth peer name far0 netns far",
		"addr add " + nearAddress + "/24 dev near0",
		"-n far addr add " + farAddress + "/24 dev far0",
		"link set near0 up",
		"-n far link set far0 up",
		"-n far link set lo up",
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", line, err, out)
		}
	}
}

// partition is the near side of it.
type partition struct {
	*crew
	t *testing.T
}

func (p *partition) run(name string, args ...string) {
	p.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// send sends to both sides.
func (p *partition) send(text string, queue time.Duration, wait bool) *letter {
	return p.crew.send(msg.Message{ID: msg.NewID(time.Now()), Sent: time.Now(), Timeout: time.Hour, Queue: queue, Wait: wait, Text: text}, "near-*", "far-*")
}

// expect is what the sender knows of a side, and how often each there was shown it.
func (p *partition) expect(l *letter, side string, want msg.Outcome, detail string, least, most int) {
	p.t.Helper()
	p.mu.Lock()
	for i := range half {
		host := fmt.Sprintf("%s-%03d", side, i)
		if r := l.receipts[host]; r.Outcome != want || detail != "" && r.Detail != detail {
			p.t.Errorf("%s: of %s the sender knows %+v %q", l.m.Text, host, r, l.err)
		}
	}
	p.mu.Unlock()
	p.shown(l, side, least, most)
}

func (p *partition) shown(l *letter, side string, least, most int) {
	p.t.Helper()
	counts := p.counts(l.m.Text)
	for i := range half {
		host := fmt.Sprintf("%s-%03d", side, i)
		if n := counts[host]; n < least || n > most {
			p.t.Errorf("%s: %s was shown it %d times", l.m.Text, host, n)
		}
	}
}
