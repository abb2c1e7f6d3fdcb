package fleet

import (
	"strings"
	"testing"
	"time"

	"msg"
)

// TestNarrowed holds that a grant which a narrower one has replaced does not count
// any more, whoever still has it; and that one does which is only widened, because
// of what was signed with it and is kept.
func TestNarrowed(t *testing.T) { onBoth(t, testNarrowed) }

func testNarrowed(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	signedNow := func(text string) []byte {
		now := time.Now()
		e := testEnvelope(o.orgPub, "desk-1")
		e.ID = msg.NewID(now)
		e.Message.ID, e.Message.Text, e.Hosts, e.Issued, e.Expires = e.ID, text, Hosts{"*"}, now, now.Add(time.Hour)
		boss.mu.Lock()
		defer boss.mu.Unlock()
		return must1(e.Seal(boss.key, boss.Node.grant))
	}
	send := func(wire []byte) {
		t.Helper()
		if err := o.hub.conn.Publish(subjectAll(kindSend, "desk-1"), wire); err != nil {
			t.Fatal(err)
		}
	}
	narrow := o.allow(boss, "send to lab-*, broadcast, up to 5 hosts, until 2100")
	wire := signedNow("before it was wider")
	wide := o.allow(boss, "send, broadcast, query, until 2100", "alice")
	send(wire)
	lab.waitFor("it is shown", func() bool { return strings.Contains(lab.screen("1"), "before it was wider") })
	if lab.verifier.isRevoked(narrow.ID) {
		t.Error("what the new one allows too is revoked")
	}
	wire = signedNow("before it was narrower")
	o.allow(boss, "send to lab-*, until 2100")
	lab.waitFor("it knows", func() bool { return lab.verifier.isRevoked(wide.ID) })
	send(wire)
	lab.waitFor("it is written down", func() bool { return strings.Contains(lab.refusals(), "the grant of desk-1 is revoked") })
	expect(t, "shown", strings.Count(lab.screen("1"), "narrower"), 0)
}

// TestCovers holds when a grant allows all that another does.
func TestCovers(t *testing.T) {
	may := func(text string, who ...string) Grant {
		return Grant{Key: "k", For: who, May: mustMay(t, text+", until 2100")}
	}
	base := may("send to tag:lab and web-*, broadcast, up to 10 hosts, 10 a minute", "alice", "@ops")
	for _, c := range []struct {
		what string
		g    Grant
		want bool
	}{
		{"the same", base, true},
		{"all", may("send, broadcast, query, up to 10 hosts, 10 a minute", "*"), true},
		{"fewer users", may("send to tag:lab and web-*, broadcast, up to 10 hosts, 10 a minute", "alice"), false},
		{"fewer hosts", may("send to tag:lab, broadcast, up to 10 hosts, 10 a minute", "*"), false},
		{"fewer at a time", may("send, broadcast, up to 9 hosts, 10 a minute", "*"), false},
		{"fewer a minute", may("send, broadcast, up to 10 hosts, 9 a minute", "*"), false},
		{"no broadcast", may("send, up to 10 hosts, 10 a minute", "*"), false},
		{"shorter", Grant{Key: "k", For: base.For, May: mustMay(t, "send to tag:lab and web-*, broadcast, up to 10 hosts, 10 a minute, until 2099")}, false},
		{"another key", Grant{Key: "other", For: base.For, May: base.May}, false},
	} {
		if got := c.g.covers(base); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
