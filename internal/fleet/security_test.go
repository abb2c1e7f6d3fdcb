package fleet

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"msg/internal/hosttest"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"msg"
)

// raw is a connection with the key of a member that keeps to no rules.
func (d *desk) raw(t *testing.T) (*nats.Conn, chan error) {
	t.Helper()
	errs := make(chan error, 10)
	options := first(d.config.options(d.key))
	c, err := nats.Connect(d.config.urls(), append(options, nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, errs
}

// TestJoining is the first half of the security cases: who becomes a member.
func TestJoining(t *testing.T) { onBoth(t, testJoining) }

func testJoining(t *testing.T, o *office) {
	log := &hosttest.Screen{}
	o.stop()
	var err error
	if o.hub, err = StartHub(o.dir, slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Fatal(err)
	}
	o.admin = first(OpenAdministrator(o.dir))
	once := first(o.admin.Invite(t.Context(), 1, time.Now().Add(time.Hour)))
	join := func(name string, token JoinToken) error {
		return Join(t.Context(), filepath.Join(t.TempDir(), "fleet"), name, token)
	}

	wantErr(t, "T1 join with a token", join("lab-07", once), "")

	other := once
	sum := sha256.Sum256([]byte("somebody in between"))
	other.Pin = sum[:]
	if err := join("lab-08", other); !errors.Is(err, errPin) {
		t.Errorf("T2 another hub: %v", err)
	}
	wantErr(t, "T3 a token that is used up", join("lab-08", once), "the hub refuses the token")
	if !strings.Contains(log.String(), "used up") {
		t.Errorf("the log of the hub: %s", log)
	}

	c, err := net.Dial("tcp", o.token.Hubs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := c.Read(make([]byte, 100)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("T4 before TLS somebody hears %d bytes, %v", n, err)
	}

	twice := first(o.admin.Invite(t.Context(), 2, time.Now().Add(time.Hour)))
	wantErr(t, "T5 a token for two: the first", join("lab-09", twice), "")
	wantErr(t, "a name that is taken", join("lab-09", twice), "the hub refuses the token")
	wantErr(t, "the second", join("lab-10", twice), "")
	wantErr(t, "the third", join("lab-11", twice), "the hub refuses the token")
	short := first(o.admin.Invite(t.Context(), 1, time.Now().Add(time.Hour)))
	o.hub.book.mu.Lock()
	o.hub.book.invites[hashOf(short.Secret)].Until = time.Now()
	o.hub.book.mu.Unlock()
	wantErr(t, "a token that has expired", join("lab-12", short), "the hub refuses the token")
	if !strings.Contains(log.String(), "has expired") {
		t.Errorf("the log of the hub: %s", log)
	}
	noKey, err := nats.Connect(urls(o.token.Hubs), nats.Secure(pinned(o.token.Pin, o.token.Hubs...)), nats.TLSHandshakeFirst(), nats.Token(o.token.Secret))
	if !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without a key: %v, %v", noKey, err)
	}
}

// TestRights is the second half: what a member may do on the hub.
func TestRights(t *testing.T) { onBoth(t, testRights) }

func testRights(t *testing.T, o *office) {
	log := &hosttest.Screen{}
	o.stop()
	var err error
	if o.hub, err = StartHub(o.dir, slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Fatal(err)
	}
	o.admin = first(OpenAdministrator(o.dir))
	lab := o.join("lab-07")
	boss := o.join("alice-pc")
	o.allow(boss, "send, broadcast")

	violations := func() int {
		if o.cluster != nil { // its servers say so
			return strings.Count(o.cluster.logs(), "Violation")
		}
		return strings.Count(log.String(), "Violation")
	}
	before := violations()
	for _, c := range []struct {
		what string
		by   *desk
		do   func(*nats.Conn) error
		ok   bool
	}{
		{"T6 its own", lab, subscribes(prefix + "cmd.*.host." + site + ".lab-07"), true},
		{"T7 subscribes another's", lab, subscribes(prefix + "cmd.*.host." + site + ".lab-09"), false},
		{"T7 subscribes everything", lab, subscribes(prefix + ">"), false},
		{"T7 subscribes the answers of others", lab, subscribes(inboxOf("alice-pc") + ".>"), false},
		{"T8 an agent publishes a command", lab, publishes(subjectAll(kindSend, "lab-07")), false},
		{"T9 answers as another host", lab, publishes(subjectAck("alice-pc", "X", "lab-09")), false},
		{"T9 as itself", lab, publishes(subjectAck("alice-pc", "X", "lab-07")), true},
		{"T10 alice publishes as bob", boss, publishes(subjectAll(kindSend, "bob-pc")), false},
		{"T10 as alice", boss, publishes(subjectAll(kindSend, "alice-pc")), true},
		{"an administrator's question", boss, publishes(prefix + "admin." + verbInvite), false},
		{"the store itself", boss, publishes("$JS.API.STREAM.DELETE." + streamMSG), false},
		{"a list of what is revoked", boss, publishes(subjectRevoked), false},
		{"asks in another's name", boss, publishes(subjectRPC(verbPending, "lab-07")), false},
	} {
		conn, errs := c.by.raw(t)
		// What is forbidden for sure comes last: the first error is about it if
		// there was no other.
		if err := errors.Join(c.do(conn), conn.Publish("forbidden", nil), conn.Flush()); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		err := <-errs
		if !errors.Is(err, nats.ErrPermissionViolation) || strings.Contains(err.Error(), `"forbidden"`) != c.ok {
			t.Errorf("%s: %v", c.what, err)
		}
		conn.Close()
	}
	if n := violations() - before; n < 10 {
		t.Errorf("the log has %d violations", n)
	}

	// T11 is TestOffice.
	closed := make(chan struct{})
	options := first(lab.config.options(lab.key))
	conn := first(nats.Connect(lab.config.urls(), append(options, nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...))
	defer conn.Close()
	if err := o.admin.Revoke(t.Context(), o.org, "lab-07", false); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Error("T12 a member that is revoked stays connected")
	}
	_, err = nats.Connect(lab.config.urls(), append(options, nats.Token(o.token.Secret))...)
	if err == nil { // with a token that is still good it would be a member again, by another name only
		t.Error("T13 a member that is revoked is back with its old name")
	}
	boss.waitFor("it knows", func() bool { return boss.verifier.isRevoked(lab.publicKey(t)) })
}

func (d *desk) publicKey(t *testing.T) string { return must(t, first(d.key.PublicKey()), nil) }

func subscribes(subject string) func(*nats.Conn) error {
	return func(c *nats.Conn) error {
		_, err := c.Subscribe(subject, func(*nats.Msg) {})
		return err
	}
}

func publishes(subject string) func(*nats.Conn) error {
	return func(c *nats.Conn) error { return c.Publish(subject, []byte("x")) }
}

// TestForgeries holds that a member shows nothing that a stolen hub, or another
// member, has made or changed, and writes each attempt down.
func TestForgeries(t *testing.T) { onBoth(t, testForgeries) }

func testForgeries(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send to lab-*, broadcast, up to 5 hosts")
	now := time.Now()
	fresh := func(text string) Envelope {
		e := testEnvelope(o.orgPub, "desk-1")
		e.ID = msg.NewID(now)
		e.Message.ID, e.Message.Text = e.ID, text
		e.Hosts, e.Issued, e.Expires = Hosts{"lab-07"}, now, now.Add(time.Hour)
		return e
	}
	sealBy := func(e Envelope) []byte { return must1(e.Seal(boss.key, boss.grant)) }
	subject := subjectHost(kindSend, "desk-1", "lab-07")
	refusedFor := func(what, part string, data []byte) {
		t.Helper()
		before := strings.Count(lab.refusals(), part)
		if err := o.hub.conn.Publish(subject, data); err != nil { // the hub may publish everything
			t.Fatal(err)
		}
		lab.waitFor(what+" is written down", func() bool { return strings.Count(lab.refusals(), part) == before+1 })
	}

	good := sealBy(fresh("good"))
	if err := o.hub.conn.Publish(subject, good); err != nil {
		t.Fatal(err)
	}
	id := first(peek(good)).ID
	lab.waitFor("it is over", func() bool {
		h := lab.inbox.get(id)
		if h == nil {
			return false
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.settled()
	})
	refusedFor("a replayed envelope", "it has been here before", good)
	refusedFor("altered text", "the signature is not that of the key", alter(sealBy(fresh("pay 10")), "pay 10", "pay 99"))
	refusedFor("a widened target", "the signature is not that of the key", alter(sealBy(fresh("x")), "hosts\x81\x66lab-07", "hosts\x81\x65lab-*"))
	late := fresh("late")
	late.Issued = now.Add(-10 * time.Minute)
	refusedFor("a clock that is behind", "compare the clocks", sealBy(late))
	early := fresh("early")
	early.Issued, early.Expires = now.Add(10*time.Minute), now.Add(time.Hour)
	refusedFor("a clock that is ahead", "compare the clocks", sealBy(early))
	many := fresh("many")
	many.Count = 6
	refusedFor("more hosts than the grant has", "is for 5", sealBy(many))
	hub, hubPub := newUser(t)
	own := first(NewGrant(o.orgPub, "desk-1", hubPub, nil, mustMay(t, "send, broadcast"), now))
	refusedFor("a grant that the hub made", "the grant is not proved", must1(fresh("x").Seal(hub, must1(own.Seal(hub)))))
	outside := fresh("outside")
	outside.Hosts = Hosts{"*"}
	narrow := signer{key: boss.key, g: first(NewGrant(o.orgPub, "desk-1", boss.publicKey(t), nil, mustMay(t, "send to web-*, broadcast"), now))}
	refusedFor("a grant for others", "not for host lab-07", must1(outside.Seal(boss.key, must1(narrow.g.Seal(o.org)))))
	old := narrow.g
	old.May = mustMay(t, "send, broadcast, until 2027")
	old.May.Until = now.Add(-time.Hour)
	refusedFor("an expired grant", "has expired", must1(outside.Seal(boss.key, must1(old.Seal(o.org)))))
	expect(t, "shown", lab.screen("1"), lab.screen("1")[:strings.Index(lab.screen("1"), "good")]+"good\n")
}

// TestForgedReport holds that nobody answers for another host, not even the
// hub.
func TestForgedReport(t *testing.T) { onBoth(t, testForgedReport) }

func testForgedReport(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	other := o.join("lab-08")
	lab.hold = make(chan struct{})
	o.allow(boss, "send, broadcast")
	m := hello("waits")
	m.ID, m.Sent = msg.NewID(time.Now()), time.Now()
	ended := make(chan error, 1)
	go func() {
		ended <- boss.Send(context.Background(), root, []string{"lab-07"}, first(msg.ParseTarget("*")), m, func(msg.Receipt) {}, func(msg.Reach) {})
	}()
	lab.waitFor("it has it", func() bool { return lab.inbox.get(m.ID) != nil })
	forged := Report{Org: o.orgPub, ID: m.ID, Sender: "desk-1", Host: "lab-07", Serial: 99, At: time.Now(), Done: true,
		Receipts: []msg.Receipt{{Session: msg.Session{ID: "1"}, Outcome: msg.OutcomeAnswered, Answer: "OK", Final: true}}}
	if err := o.hub.conn.Publish(subjectAck("desk-1", m.ID, "lab-07"), must1(forged.Seal(other.key))); err != nil {
		t.Fatal(err)
	}
	boss.waitFor("it is written down", func() bool { return strings.Contains(boss.refusals(), "in the name of lab-07 is not proved") })
	close(lab.hold)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	expect(t, "outcome", outcomes(boss.Records(root, m.ID)[0].Receipts), "lab-07/1 accepted")
}

// TestEditedStore holds that a hub which changes what it keeps is found out.
func TestEditedStore(t *testing.T) { onBoth(t, testEditedStore) }

func testEditedStore(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	lab.end()
	m := hello("meet at 18:00")
	m.Queue = time.Hour
	if _, _, err := boss.say("lab-07", m); err != nil {
		t.Fatal(err)
	}
	boss.waitFor("it is in the store", func() bool {
		return o.hub.msgs.CachedInfo() != nil && len(first(o.hub.pending("lab-07", ask{})).Items) == 1
	})
	kept := first(o.hub.pending("lab-07", ask{})).Items[0]
	ctx := t.Context()
	if err := o.hub.msgs.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := o.hub.js.Publish(ctx, kept.Subject, alter(kept.Data, "18:00", "19:00"), jetstream.WithMsgID("edited")); err != nil {
		t.Fatal(err)
	}
	lab.run(nil)
	lab.waitFor("it is written down", func() bool { return strings.Contains(lab.refusals(), "the signature is not that of the key") })
	expect(t, "shown", lab.screen("1"), "")
}

// TestRevokedGrant holds that a grant which is taken away ends at once for all
// members, also for what its holder has signed before.
func TestRevokedGrant(t *testing.T) {
	slow(t)
	onBoth(t, testRevokedGrant)
}

func testRevokedGrant(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	g := o.allow(boss, "send, broadcast")
	e := testEnvelope(o.orgPub, "desk-1")
	now := time.Now()
	e.Hosts, e.Issued, e.Expires = Hosts{"*"}, now, now.Add(time.Hour)
	wire := must1(e.Seal(boss.key, boss.grant))
	if err := o.admin.Revoke(t.Context(), o.org, "desk-1", true); err != nil {
		t.Fatal(err)
	}
	lab.waitFor("it knows", func() bool { return lab.verifier.isRevoked(g.ID) })
	boss.waitFor("it may not send", func() bool {
		_, _, err := boss.say("*", hello("no"))
		return errors.Is(err, msg.ErrRefused)
	})
	if err := o.hub.conn.Publish(subjectAll(kindSend, "desk-1"), wire); err != nil {
		t.Fatal(err)
	}
	lab.waitFor("it is written down", func() bool { return strings.Contains(lab.refusals(), "is revoked") })
	lab.end()
	lab.run(nil) // the list survives, also while no hub tells it
	if !lab.verifier.isRevoked(g.ID) {
		t.Error("forgotten after a restart")
	}
	expect(t, "shown", lab.screen("1"), "")
}

// TestPinned holds that a hub cannot put another key in the place of a member's.
func TestPinned(t *testing.T) { onBoth(t, testPinned) }

func testPinned(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07", person("lab-07", "1", "bob"))
	o.allow(boss, "send, broadcast")
	if _, _, err := boss.say("lab-07", hello("x")); err != nil {
		t.Fatal(err)
	}
	if err := o.admin.Revoke(t.Context(), nil, "lab-07", false); err != nil { // without the key of the organisation
		t.Fatal(err)
	}
	lab.end()
	again := o.join("lab-07", person("lab-07", "1", "bob"))
	receipts, _, err := boss.say("lab-07", hello("y"))
	wantErr(t, "another key", err, "")
	if len(receipts) != 1 || !strings.Contains(receipts[0].Detail, "another key") {
		t.Errorf("another key: %+v", receipts)
	}
	expect(t, "shown", again.screen("1"), "")
	again.end()
	if err := o.admin.Revoke(t.Context(), o.org, "lab-07", false); err != nil {
		t.Fatal(err)
	}
}
