package fleet

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"msg/internal/hosttest"
)

// TestHubAway holds what happens on a cluster while the hub's process is not
// there: who is connected stays so, nobody else gets in, nothing new is sent;
// and that all goes on when it is back.
func TestHubAway(t *testing.T) {
	o := newSite(t)
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	o.stop()
	_, _, err := boss.say("lab-07", hello("x"))
	wantErr(t, "sending", err, "asking the hub: ") // at first its servers may still know the way there
	stranger := func() (*nats.Conn, error) {
		return nats.Connect(lab.config.urls(), append(first(lab.config.options(lab.key)), nats.Timeout(time.Second), nats.NoReconnect())...)
	}
	if conn, err := stranger(); err == nil {
		conn.Close()
		t.Error("somebody gets in")
	}
	if !lab.conn.IsConnected() || !boss.conn.IsConnected() || lab.conn.Reconnects != boss.conn.Reconnects-1 { // a grant has made it connect anew
		t.Errorf("members are not connected any more: %d, %d", lab.conn.Reconnects, boss.conn.Reconnects)
	}
	o.start()
	_, p, err := boss.say("lab-07", hello("y"))
	wantErr(t, "sending", err, "")
	expect(t, "reached", p.Reached, 1)
	conn, err := stranger()
	wantErr(t, "connecting", err, "")
	conn.Close()
}

// TestOneHub holds that a second process does not serve the same fleet, whose
// book it would not share.
func TestOneHub(t *testing.T) {
	o := newSite(t)
	_, err := StartHub(o.dir, quiet())
	wantErr(t, "a second hub", err, "another process serves this fleet already")
	o.stop()
	o.start()
}

// TestOtherAccounts holds that the site's own users of its servers do not
// notice the fleet, hub or no hub, and that they cannot be members by that.
func TestOtherAccounts(t *testing.T) {
	theirs := func(conf string) string {
		return strings.Replace(conf, "accounts {\n", "accounts {\n    APP { users: [ { user: app, password: app } ] }\n", 1)
	}
	_, n := serverWith(t, "tls { cert_file: \"node.pem\", key_file: \"node.pem\", handshake_first: auto }\n", time.Now().AddDate(1, 0, 0), true, theirs)
	secure := pinned(pinOf(theCluster(t).ca.cert), n.address)
	for what, options := range map[string][]nats.Option{"first": {nats.TLSHandshakeFirst()}, "later": nil} { // as the servers' own clients do
		conn, err := nats.Connect("nats://"+n.address, append(options, nats.Secure(secure), nats.UserInfo("app", "app"))...)
		wantErr(t, "TLS "+what, err, "")
		if conn != nil {
			conn.Close()
		}
	}
	if conn, err := nats.Connect("nats://"+n.address, nats.Secure(secure), nats.UserInfo("app", "wrong"), nats.Timeout(time.Second)); err == nil {
		conn.Close()
		t.Error("a wrong password gets in")
	}
}

// TestAuditAgain holds that a message is written into stream AUDIT also if that
// could not be when it came.
func TestAuditAgain(t *testing.T) {
	slow(t)
	onBoth(t, testAuditAgain)
}

func testAuditAgain(t *testing.T, o *office) {
	log := &hosttest.Screen{}
	o.stop()
	o.hub = must(t, first(StartHub(o.dir, slog.New(slog.NewTextHandler(log, nil)))), nil)
	o.admin = must(t, first(OpenAdministrator(o.dir)), nil)
	boss := o.join("desk-1")
	o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	config := o.hub.audit.CachedInfo().Config
	if err := o.hub.js.DeleteStream(t.Context(), streamAUDIT); err != nil {
		t.Fatal(err)
	}
	_, _, err := boss.say("lab-07", hello("x"))
	wantErr(t, "sending", err, "")
	boss.waitFor("it is not written", func() bool { return strings.Contains(log.String(), "stream AUDIT does not take a message") })
	stream := must(t, first(o.hub.js.CreateStream(t.Context(), config)), nil)
	subject := subjectAudit + kindSend + ".desk-1." + boss.Records(root, "")[0].Message.ID
	boss.waitFor("it is written", func() bool {
		_, err := stream.GetLastMsgForSubject(t.Context(), subject)
		return err == nil
	})
}
