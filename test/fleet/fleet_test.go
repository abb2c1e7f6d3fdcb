// Package fleet_test has the real programs make a fleet, on computers that are
// namespaces.
package fleet_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// office is a hub and two members; root on desk-1 may send.
type office struct {
	hub, desk, lab *computer
	serving        map[*computer]*process // msgd serve
}

var (
	joinLine = regexp.MustCompile(`msgd join (msg1\.\S+)`)
	idOf     = regexp.MustCompile(`(?m)^\s*([0-9A-HJKMNP-TV-Z]{6})\b`)
)

func newOffice(t *testing.T) *office {
	t.Helper()
	n := newNetwork(t)
	o := &office{hub: n.add("hub", 1), desk: n.add("desk-1", 2), lab: n.add("lab-07", 3), serving: map[*computer]*process{}}
	m := joinLine.FindStringSubmatch(o.hub.must("msgd", "hub", "init", "--listen", address(1)+":4222", "--address", address(1)+":4222"))
	if m == nil {
		t.Fatal("msgd hub init prints no token")
	}
	o.hub.start("msgd", "hub", "serve").wait("the hub serves")
	for _, c := range []*computer{o.desk, o.lab} {
		c.must("msgd", "join", m[1])
		o.serve(c)
	}
	o.hub.must("msgd", "tag", "lab-07", "lab")
	o.hub.must("msgd", "operator", "add", "desk-1", "--may", "send, broadcast, query")
	o.serving[o.desk].wait("may_send=true")
	return o
}

// serve starts msgd on a member.
func (o *office) serve(c *computer) {
	o.serving[c] = c.start("msgd", "serve")
	o.serving[c].wait(`msg="in the fleet"`)
}

// TestProduct is the main job: a message to every computer, an answer, and what
// there is to ask about both.
func TestProduct(t *testing.T) {
	o := newOffice(t)
	bob := o.lab.signIn()

	hosts := o.desk.must("query", "host")
	for _, want := range []string{`(?m)^\W*desk-1\b`, `(?m)^\W*lab-07\b.*\blab\b`} {
		if !regexp.MustCompile(want).MatchString(hosts) {
			t.Errorf("query host does not have %s:\n%s", want, hosts)
		}
	}
	if sessions := o.desk.must("query", "session", "/server:*"); !strings.Contains(sessions, "bob") || !strings.Contains(sessions, "lab-07") {
		t.Errorf("query session:\n%s", sessions)
	}

	question := o.desk.start("msg", "*", "/server:*", "/w", "Reboot at 18:00")
	bob.wait("Message from root@desk-1")
	bob.wait("Reboot at 18:00")
	bob.typed("msg /ok")
	<-question.done
	if out := question.out.String(); question.cmd.ProcessState.ExitCode() != 0 || !strings.Contains(out, "2 hosts, 2 reached") || !strings.Contains(out, "1 answered") {
		t.Errorf("exit code %d\n%s", question.cmd.ProcessState.ExitCode(), out)
	}

	list := o.desk.must("query", "message")
	m := idOf.FindStringSubmatch(list)
	if m == nil {
		t.Fatalf("query message names no ID:\n%s", list)
	}
	one := o.desk.must("query", "message", m[1])
	for _, want := range []string{"Reboot at 18:00", "lab-07", "bob", "OK"} {
		if !strings.Contains(one, want) {
			t.Errorf("query message %s does not have %q:\n%s", m[1], want, one)
		}
	}
	if out, code := o.lab.run("msg", "*", "/server:*", "I may not"); code != 1 || !strings.Contains(out, "may") {
		t.Errorf("lab-07 sends: %d, %s", code, out)
	}
}

// TestOff has a member that is off named at once, and get what is kept for it.
func TestOff(t *testing.T) {
	o := newOffice(t)
	o.serving[o.lab].stop()
	began := time.Now()
	if out, code := o.desk.run("msg", "bob", "/server:tag:lab", "Lost"); code != 1 || !strings.Contains(out, "lab-07: it is not connected") {
		t.Errorf("%d, %s", code, out)
	}
	t.Logf("named absent after %v", time.Since(began))
	o.desk.run("msg", "bob", "/server:tag:lab", "/queue:1h", "Kept for you")
	bob := o.lab.signIn()
	o.serve(o.lab)
	bob.wait("Kept for you")
	if strings.Contains(bob.out.String(), "Lost") {
		t.Error("what was not to be kept was shown")
	}
}

// TestKept has a message kept for somebody who is not signed in on a member that
// was off. Its sender is told when he is there: the command has left long ago,
// and msgd was started anew.
func TestKept(t *testing.T) {
	o := newOffice(t)
	o.serving[o.lab].stop()
	o.desk.run("msg", "bob", "/server:lab-07", "/queue:1h", "The key is with Carol")
	m := idOf.FindStringSubmatch(o.desk.must("query", "message"))
	if m == nil {
		t.Fatal("query message names no ID")
	}
	known := func(want string) {
		t.Helper()
		var out string
		for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if out = o.desk.must("query", "message", m[1]); regexp.MustCompile(want).MatchString(out) {
				return
			}
		}
		t.Fatalf("query message %s never has %s:\n%s", m[1], want, out)
	}
	known(`(?i)lab-07.*(queued|kept)`)
	o.serve(o.lab)
	known(`(?i)bob.*(queued|kept)`)
	o.serving[o.desk].stop()
	bob := o.lab.signIn()
	bob.wait("The key is with Carol")
	o.serve(o.desk)
	known(`(?i)lab-07.*bob.*accepted`)
	o.serving[o.lab].stop()
	o.serve(o.lab)
	known(`(?i)lab-07.*bob.*accepted`)
}

// absentWithin and deadHubWithin are the bounds that doc/fleet.md gives.
const (
	absentWithin  = time.Minute
	deadHubWithin = 45 * time.Second
	busy          = 10 * time.Second // more, on a busy computer
)

// TestCable pulls the cable of a member, which is what a power cut is to others:
// who sends is told within seconds, the hub knows within a minute, the member
// within 45 seconds, and what was kept comes when the cable is back.
func TestCable(t *testing.T) {
	o := newOffice(t)
	bob := o.lab.signIn()
	link := func(state string) { o.lab.must("ip", "link", "set", "eth0", state) }
	link("down")
	pulled := time.Now()
	kept := o.desk.start("msg", "bob", "/server:lab-07", "/queue:1h", "/v", "Kept for you")
	if out, code := o.desk.run("msg", "bob", "/server:lab-07", "Lost"); code != 1 || !strings.Contains(out, "lab-07: it did not answer within 10s") {
		t.Errorf("%d, %s", code, out)
	}
	<-kept.done
	if out := kept.out.String(); kept.cmd.ProcessState.ExitCode() != 0 || !strings.Contains(out, "lab-07: it does not answer, and may be off by now") {
		t.Errorf("%d, %s", kept.cmd.ProcessState.ExitCode(), out)
	}
	t.Logf("the sender is told after %v", time.Since(pulled).Round(time.Second))
	off := regexp.MustCompile(`(?m)^\W*lab-07\b.*\bOff\b`)
	for !off.MatchString(o.desk.must("query", "host")) {
		if time.Since(pulled) > absentWithin+busy {
			t.Fatalf("the hub does not know that lab-07 is gone:\n%s", o.desk.must("query", "host"))
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Logf("the hub knows after %v", time.Since(pulled).Round(time.Second))
	o.serving[o.lab].wait("the hub of the fleet is gone")
	if took := time.Since(pulled); took > absentWithin+busy { // it was not looked at before
		t.Errorf("lab-07 knows after %v", took)
	}
	link("up")
	bob.wait("Kept for you")
}
