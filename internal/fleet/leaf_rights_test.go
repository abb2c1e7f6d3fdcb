package fleet

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"msg"
)

// TestSiteRevoked holds that the leaf hub of a site is gone at once with all its
// members, and that what it signs does not count any more.
func TestSiteRevoked(t *testing.T) {
	slow(t)
	o := newOffice(t)
	boss := o.join("desk-1")
	o.allow(boss, "send, broadcast")
	b := o.site("berlin", 1)
	desks := b.seat(2)

	// What a site revokes counts everywhere.
	if err := b.admin.Revoke(t.Context(), o.org, "berlin-01", false); err != nil {
		t.Fatal(err)
	}
	boss.waitFor("it knows", func() bool { return boss.verifier.isRevoked(desks[1].publicKey(t)) })
	receipts, _, err := boss.say("berlin-01", hello("x"))
	wantErr(t, "a member that is gone", err, "")
	expect(t, "a member that is gone", receipts[0].Detail, "it is not a member of the fleet")
	b.link.cut()
	until(t, "the leaf knows", func() bool { return !b.hub.leaf.up.IsConnected() })
	wantErr(t, "revoking while the link is cut", b.admin.Revoke(t.Context(), o.org, "berlin-00", false), "the main hub has not taken the list")
	b.link.mend()
	b.linked()
	again := b.join("berlin-02", person("berlin-02", "1", "bob"))

	_, p, err := boss.say("berlin-*", hello("before"))
	wantErr(t, "before", err, "")
	expect(t, "before", p, msg.Reach{Hosts: 1, Reached: 1, Sessions: 1})
	id := boss.Records(root, "")[0].Message.ID
	key := b.hub.leaf.key
	if err := o.admin.Revoke(t.Context(), o.org, siteMark+"berlin", false); err != nil {
		t.Fatal(err)
	}
	until(t, "it is cut off", func() bool { return !b.hub.leaf.up.IsConnected() })
	_, _, err = boss.say("berlin-*", hello("after"))
	wantErr(t, "after", err, `no member of the fleet fits "berlin-*"`)
	boss.waitFor("it knows", func() bool { return boss.verifier.isRevoked(must(t, first(key.PublicKey()), nil)) })
	late := Summary{Org: o.orgPub, ID: id, Sender: "desk-1", Site: "berlin", Serial: 1 << 40}
	boss.reported([]item{{subjectAckAt("desk-1", id, "berlin", relayHost), must1(late.Seal(key))}})
	if !strings.Contains(boss.refusals(), "the key of site berlin is revoked") {
		t.Errorf("a summary of a site that is revoked: %q", boss.refusals())
	}
	shownOnce(t, "before", again)
	token := first(o.admin.InviteSite(t.Context(), "paris", time.Now().Add(time.Hour)))
	wantErr(t, "a member with the token of a site", Join(t.Context(), filepath.Join(t.TempDir(), "f"), "lab-1", token), "the hub refuses the token")
	address := freePort(t)
	for what, name := range map[string]string{"another site": "rome", "the main hub's site": site, "no name": "a b"} {
		if err := InitLeaf(t.Context(), filepath.Join(t.TempDir(), "leaf"), address, []string{address}, name, token, 0, time.Now()); err == nil {
			t.Errorf("%s takes the token of a site", what)
		}
	}
	wantErr(t, "a site with the token of a member", InitLeaf(t.Context(), filepath.Join(t.TempDir(), "leaf"), address, []string{address}, "rome", o.token, 0, time.Now()), "the hub refuses the token")
	_, err = b.admin.InviteSite(t.Context(), "oslo", time.Now().Add(time.Hour))
	wantErr(t, "a site below a site", err, "make the token on the main hub")
	_, err = o.admin.InviteSite(t.Context(), site, time.Now().Add(time.Hour))
	wantErr(t, "the main hub's own site", err, "is the main hub's own site")
}

// TestSiteRights is what a leaf hub may do on the main hub, and a stolen one too.
func TestSiteRights(t *testing.T) {
	o := newOffice(t)
	boss := o.join("desk-1")
	o.allow(boss, "send, broadcast")
	b := o.site("berlin", 1)
	b.allow(b.seat(1)[0], "send")
	b.speaks("berlin-00")
	for _, c := range []struct {
		what string
		do   func(*nats.Conn) error
		ok   bool
	}{
		{"what is for its members", subscribes(prefix + "cmd.*.host.berlin.*"), true},
		{"what is for members of others", subscribes(prefix + "cmd.*.host." + site + ".*"), false},
		{"answers to others", subscribes(prefix + "ack.desk-1.>"), false},
		{"answers to its own", subscribes(prefix + "ack.berlin-00.>"), true},
		{"questions to others", subscribes(inboxOf("desk-1") + ".>"), false},
		{"sends as its own", publishes(subjectAll(kindSend, "berlin-00")), true},
		{"sends as another", publishes(subjectAll(kindSend, "desk-1")), false},
		{"says what its member says", publishes(subjectAckAt("desk-1", "X", "berlin", "berlin-00")), true},
		{"says what another's says", publishes(subjectAckAt("desk-1", "X", site, "desk-1")), false},
		{"sums up another site", publishes(subjectAckAt("desk-1", "X", "paris", relayHost)), false},
		{"an administrator's question", publishes(prefix + "admin." + verbInvite), false},
	} {
		errs := make(chan error, 10)
		options := first(b.hub.config.Leaf.options(b.hub.leaf.key))
		conn, err := nats.Connect("nats://"+o.hub.Address(), append(options, nats.MaxReconnects(0), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.do(conn); err != nil {
			t.Fatal(err)
		}
		// What is forbidden for sure comes last, see TestRights.
		if err := conn.Publish("forbidden", nil); err != nil {
			t.Fatal(err)
		}
		_ = conn.Flush()
		if err := <-errs; strings.Contains(err.Error(), `"forbidden"`) != c.ok {
			t.Errorf("%s: %v", c.what, err)
		}
		conn.Close()
	}
	// A grant of another is shown in vain.
	conn := first(nats.Connect("nats://"+o.hub.Address(), first(b.hub.config.Leaf.options(b.hub.leaf.key))...))
	defer conn.Close()
	boss.Node.mu.Lock()
	stolen := slices.Clone(boss.grant)
	boss.Node.mu.Unlock()
	got := first(askHub(t.Context(), conn, subjectRPC(verbHello, siteMark+"berlin"), ask{Grants: [][]byte{stolen, []byte("x")}}))
	expect(t, "senders", len(got.Senders), 0)
}

// TestTwins holds that of two members with one name the main hub's counts, and
// that a name of a site is not given away, also after a restart.
func TestTwins(t *testing.T) {
	o := newOffice(t)
	boss := o.join("desk-1")
	o.allow(boss, "send, broadcast")
	b := o.site("berlin", 0)
	there := b.join("twin", person("twin", "1", "bob"))
	here := o.join("twin", person("twin", "1", "bob")) // nobody has asked the site yet
	receipts, p, err := boss.say("twin", hello("to one"))
	wantErr(t, "to one", err, "")
	expect(t, "to one", p, msg.Reach{Hosts: 1, Reached: 1, Sessions: 1})
	expect(t, "receipts", outcomes(receipts), "twin/1 accepted")
	shownOnce(t, "to one", here)
	expect(t, "shown on the other", there.screen("1"), "")

	b.join("berlin-1")
	expect(t, "members", len(first(boss.Members(t.Context(), root, nil))), 3)
	o.stop()
	o.start()
	wantErr(t, "a name of the site", Join(t.Context(), filepath.Join(t.TempDir(), "f"), "berlin-1", o.token), "the hub refuses the token")
}
