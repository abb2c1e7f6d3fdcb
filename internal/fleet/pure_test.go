package fleet

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"msg"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newOrg(t testing.TB) (nkeys.KeyPair, string) { return newKey(t, nkeys.CreateAccount) }

func newUser(t testing.TB) (nkeys.KeyPair, string) { return newKey(t, nkeys.CreateUser) }

func newKey(t testing.TB, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	t.Helper()
	k, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return k, public
}

func mustMay(t testing.TB, s string) May {
	t.Helper()
	m, err := ParseMay(s, noon)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantErr(t testing.TB, what string, err error, part string) {
	t.Helper()
	if (err == nil) != (part == "") || err != nil && !strings.Contains(err.Error(), part) {
		t.Errorf("%s: %v, want %q", what, err, part)
	}
}

func TestSubjects(t *testing.T) {
	for subject, want := range map[string]address{
		subjectAll(kindSend, "desk-1"):               {kind: kindSend, sender: "desk-1"},
		subjectTag(kindAsk, "a.example", "lab"):      {kind: kindAsk, sender: "a.example", tag: "lab"},
		subjectHost(kindSend, "desk-1", "b.example"): {kind: kindSend, sender: "desk-1", host: "b.example", site: site},
	} {
		if got, ok := parseAddress(subject); !ok || got != want {
			t.Errorf("%s: %+v, %v", subject, got, ok)
		}
	}
	if s := subjectHost(kindSend, "desk-1", "b.example"); s != "msg.v1.cmd.desk-1.host.office.b=2Eexample" {
		t.Error(s)
	}
	sender, id, host, ok := parseAck(subjectAck("desk-1", "ID", "b.example"))
	if sender != "desk-1" || id != "ID" || host != "b.example" || !ok {
		t.Error(sender, id, host, ok)
	}
	for _, s := range []string{"", "msg.v1.cmd.x", "msg.v1.cmd.x.host.office", "msg.v1.cmd.x.host.o=2e.y", "msg.v1.cmd.x=2e.all", "msg.v1.rpc.x.all", "msg.v1.cmd.=.all"} {
		if a, ok := parseAddress(s); ok {
			t.Errorf("%q is taken for %+v", s, a)
		}
	}
}

func FuzzToken(f *testing.F) {
	for _, s := range []string{"lab-07", "a.b", "ü", "=41", "*>", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		tok := token(name)
		if strings.ContainsAny(tok, ".*> \r\n\t") {
			t.Fatalf("%q is written %q", name, tok)
		}
		if got, ok := untoken(tok); name != "" && (!ok || got != name) {
			t.Fatalf("%q is written %q and read %q, %v", name, tok, got, ok)
		}
		if got, ok := untoken(name); ok && token(got) != name {
			t.Fatalf("%q is read as %q, which is written %q", name, got, token(got))
		}
	})
}

func TestHosts(t *testing.T) {
	for _, c := range []struct {
		selector, name string
		tags           []string
		want           bool
	}{
		{"*", "lab-07", nil, true}, {"lab-*", "lab-07", nil, true}, {"lab-0?", "lab-07", nil, true}, {"lab-*", "web", nil, false},
		{"tag:lab", "x", []string{"lab"}, true}, {"tag:lab", "lab", nil, false}, {"LAB-07", "lab-07", nil, true}, {"lab", "lab-07", nil, false},
	} {
		h, err := ParseHosts([]string{c.selector})
		if err != nil || h.Match(c.name, c.tags) != c.want {
			t.Errorf("%s and %s %v: %v, want %v", c.selector, c.name, c.tags, err, c.want)
		}
	}
	for _, bad := range []string{"", "a b", "[a]", `a\b`, "tag:", "tag:*", "a/b", "a,b", strings.Repeat("a", 129), "a\u202eb", "a\u00a0b", "a\u200bb", "a\u0085b"} {
		if h, err := ParseHosts([]string{bad}); err == nil {
			t.Errorf("%q is taken for %q", bad, h)
		}
	}
	for server, want := range map[string]bool{"*": true, "tag:lab": true, "TAG:lab": true, "lab-*": true, "fleet://web1": true, "web1": false, "ssh://web1": false} {
		if _, ok := IsFleet(server); ok != want {
			t.Errorf("%q: %v", server, ok)
		}
	}
}

func TestMay(t *testing.T) {
	m := mustMay(t, "send to tag:lab, broadcast, up to 500 hosts, until 2027")
	want := May{Actions: []Action{ActionSend, ActionBroadcast}, To: Hosts{"tag:lab"}, Hosts: 500, Rate: defaultRate, Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	if !slices.Equal(m.Actions, want.Actions) || !slices.Equal(m.To, want.To) || m.Hosts != want.Hosts || m.Rate != want.Rate || !m.Until.Equal(want.Until) {
		t.Errorf("%+v, want %+v", m, want)
	}
	if m := mustMay(t, "query"); !slices.Equal(m.To, Hosts{"*"}) || m.Hosts != defaultHosts || !m.Until.Equal(noon.Add(defaultLife)) {
		t.Errorf("the defaults: %+v", m)
	}
	for _, bad := range []string{"", "send to", "send to a and", "send to a b", "up to 0 hosts", "up to 5 people, send", "until tomorrow", "delete", "fly to paris", "until 2027", "send, 0 a minute", "send to a/b"} {
		if m, err := ParseMay(bad, noon); err == nil {
			t.Errorf("%q is taken for %+v", bad, m)
		}
	}
}

func FuzzMay(f *testing.F) {
	f.Add("send to tag:lab and web1, broadcast, up to 500 hosts, 7 a minute, until 2027")
	f.Add("query, until 2027-06-30T12:00:00Z")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMay(s, noon)
		if err != nil {
			return
		}
		again, err := ParseMay(m.String(), noon)
		if err != nil || again.String() != m.String() || !again.Until.Equal(m.Until) {
			t.Fatalf("%q is %q, and that %q, %v", s, m, again, err)
		}
	})
}

func testToken(t testing.TB) JoinToken {
	_, org := newOrg(t)
	return JoinToken{Hubs: []string{"hub.example:4222", "[::1]:4222"}, Pin: bytes.Repeat([]byte{7}, pinSize), Org: org, Secret: base64.RawURLEncoding.EncodeToString(make([]byte, secretSize))}
}

func TestJoinToken(t *testing.T) {
	want := testToken(t)
	got, err := ParseJoinToken(" " + want.String() + "\n")
	if err != nil || got.String() != want.String() {
		t.Errorf("%+v, %v", got, err)
	}
	s := want.String()
	for _, bad := range []string{"", "msg1", s + ".x", s[1:], strings.Replace(s, want.Org, "AAAA", 1), s[:len(s)-1], strings.Repeat("x", 3000)} {
		if got, err := ParseJoinToken(bad); err == nil {
			t.Errorf("%q is taken for %+v", bad, got)
		}
	}
}

func FuzzJoinToken(f *testing.F) {
	f.Add(testToken(f).String())
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := ParseJoinToken(s); err == nil && got.String() != strings.TrimSpace(s) {
			t.Fatalf("%q is read and written %q", s, got)
		}
	})
}

// signer is a member with a grant.
type signer struct {
	key   nkeys.KeyPair
	grant []byte
	g     Grant
}

func newSigner(t testing.TB, org nkeys.KeyPair, orgPub, name, may string) signer {
	t.Helper()
	key, public := newUser(t)
	g, err := NewGrant(orgPub, name, public, nil, mustMay(t, may), noon)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, must(t, must1(g.Seal(org)), nil), g}
}

func must1(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func testEnvelope(org, sender string) Envelope {
	id := msg.NewID(noon)
	return Envelope{ID: id, Op: opSend, Org: org, Sender: sender, From: "alice", Hosts: Hosts{"tag:lab"}, Count: 2, To: []string{"*"},
		Message: msg.Message{ID: id, Text: "Reboot at 18:00", Timeout: time.Minute, Sent: noon}, Issued: noon, Expires: noon.Add(time.Minute)}
}

// TestVerify holds everything that a computer checks before it shows something.
func TestVerify(t *testing.T) {
	org, orgPub := newOrg(t)
	other, otherPub := newOrg(t)
	desk := newSigner(t, org, orgPub, "desk-1", "send to tag:lab, broadcast, up to 3 hosts, until 2027")
	stranger := newSigner(t, other, otherPub, "desk-1", "send, broadcast")
	me := member{"lab-07", site, []string{"lab"}}
	for _, c := range []struct {
		what    string
		change  func(*Envelope)
		by      signer
		subject string
		now     time.Time
		stored  bool
		edit    func([]byte) []byte
		want    string
	}{
		{what: "as it should be"},
		{what: "another organisation", by: stranger, want: "the signature is not that of the key"},
		{what: "altered text", edit: func(b []byte) []byte { return alter(b, "18:00", "19:00") }, want: "the signature is not that of the key"},
		{what: "widened target", edit: func(b []byte) []byte { return alter(b, "tag:lab", "*") }, want: "the signature is not that of the key"},
		{what: "grant widened", edit: func(b []byte) []byte {
			s := first(parseSealed(b))
			s.Grant = alter(s.Grant, "hosts\x03", "hosts\x09")
			return s.wire()
		}, want: "the grant is not proved"},
		{what: "sender is another", change: func(e *Envelope) { e.Sender = "desk-2" }, want: "with the grant of another member"},
		{what: "over the host limit", change: func(e *Envelope) { e.Count = 4 }, want: "is for 3"},
		{what: "an action that is not allowed", change: func(e *Envelope) { e.Op, e.To, e.Message = opSessions, nil, msg.Message{} }, want: "does not allow to query"},
		{what: "expired grant", now: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC), want: "has expired"},
		{what: "expired", now: noon.Add(2 * time.Minute), want: "it expired"},
		{what: "clock 10 minutes ahead", now: noon.Add(10 * time.Minute), change: func(e *Envelope) { e.Expires = noon.Add(time.Hour) }, want: "compare the clocks"},
		{what: "the same from the store", now: noon.Add(10 * time.Minute), stored: true, change: func(e *Envelope) { e.Expires, e.Message.Queue = noon.Add(time.Hour), time.Hour }},
		{what: "from the store, where it should not be", now: noon.Add(10 * time.Minute), stored: true, change: func(e *Envelope) { e.Expires = noon.Add(time.Hour) }, want: "compare the clocks"},
		{what: "live, though it is to be kept", now: noon.Add(10 * time.Minute), change: func(e *Envelope) { e.Expires, e.Message.Queue = noon.Add(time.Hour), time.Hour }, want: "compare the clocks"},
		{what: "sent again just now", now: noon.Add(10 * time.Minute), change: func(e *Envelope) { e.Again, e.Expires = noon.Add(9*time.Minute), noon.Add(time.Hour) }},
		{what: "sent again too long ago", now: noon.Add(20 * time.Minute), change: func(e *Envelope) { e.Again, e.Expires = noon.Add(9*time.Minute), noon.Add(time.Hour) }, want: "compare the clocks"},
		{what: "sent again in the future", change: func(e *Envelope) { e.Again, e.Expires = noon.Add(9*time.Minute), noon.Add(time.Hour) }, want: "compare the clocks"},
		{what: "sent again before it was sent", change: func(e *Envelope) { e.Again = noon.Add(-time.Second) }, want: "it was sent again at"},
		{what: "sent again after its time", now: noon.Add(2 * time.Minute), change: func(e *Envelope) { e.Again = noon.Add(90 * time.Second) }, want: "it expired"},
		{what: "clock 10 minutes behind", now: noon.Add(-10 * time.Minute), want: "from the future"},
		{what: "subject of another sender", subject: subjectAll(kindSend, "desk-2"), want: "which is not that of desk-1"},
		{what: "subject of another host", subject: subjectHost(kindSend, "desk-1", "lab-08"), want: "which is that of others"},
		{what: "subject of another site", subject: subjectHostAt(kindSend, "desk-1", "berlin", "lab-07"), want: "which is that of others"},
		{what: "subject of a question", subject: subjectAll(kindAsk, "desk-1"), want: "which is not that of"},
		{what: "for others", change: func(e *Envelope) { e.Hosts = Hosts{"lab-08"} }, want: "for other hosts"},
		{what: "a host outside of the grant", change: func(e *Envelope) { e.Hosts = Hosts{"*"} }, subject: subjectAll(kindSend, "desk-1"), want: ""},
		{what: "no message", change: func(e *Envelope) { e.Message.Text = "" }, want: "it is empty"},
		{what: "valid for ever", change: func(e *Envelope) { e.Expires = noon.AddDate(1, 0, 0) }, want: "it is valid from"},
	} {
		e := testEnvelope(orgPub, "desk-1")
		if c.change != nil {
			c.change(&e)
		}
		by := desk
		if c.by.key != nil {
			by = c.by
		}
		wire := must1(e.Seal(by.key, by.grant))
		if c.edit != nil {
			wire = c.edit(wire)
		}
		now, subject := noon, subjectTag(kindSend, "desk-1", "lab")
		if !c.now.IsZero() {
			now = c.now
		}
		if c.subject != "" {
			subject = c.subject
		}
		got, g, err := newVerifier(orgPub).open(wire, now)
		if err == nil {
			err = me.accepts(got, g, subject, c.stored, now)
		}
		wantErr(t, c.what, err, c.want)
	}
	e := testEnvelope(orgPub, "desk-1")
	e.Hosts = Hosts{"*"}
	outside := member{"web-1", site, nil}
	wantErr(t, "outside of the grant", outside.accepts(e, desk.g, subjectAll(kindSend, "desk-1"), false, noon), "not for host web-1")
}

// alter changes bytes inside of a sealed thing.
func alter(b []byte, old, new string) []byte {
	s := first(parseSealed(b))
	changed := bytes.Replace(s.Body, []byte(old), []byte(new), 1)
	if bytes.Equal(changed, s.Body) {
		panic("there is no " + old)
	}
	s.Body = changed
	return s.wire()
}

func TestRevoked(t *testing.T) {
	org, orgPub := newOrg(t)
	desk := newSigner(t, org, orgPub, "desk-1", "send, broadcast")
	v := newVerifier(orgPub)
	wire := must1(testEnvelope(orgPub, "desk-1").Seal(desk.key, desk.grant))
	_, _, err := v.open(wire, noon)
	wantErr(t, "before", err, "")
	first := Revocations{}.With(orgPub, noon, "Uother")
	second := first.With(orgPub, noon, desk.g.ID)
	if newer, err := v.revoke(must1(second.Seal(org))); !newer || err != nil {
		t.Error(newer, err)
	}
	if newer, err := v.revoke(must1(first.Seal(org))); newer || err != nil {
		t.Error("an older list replaces a newer one", err)
	}
	stranger, _ := newOrg(t)
	_, err = v.revoke(must1(second.With(orgPub, noon).Seal(stranger)))
	wantErr(t, "a list of somebody else", err, "not proved")
	_, _, err = v.open(wire, noon)
	wantErr(t, "after", err, "is revoked")
	if !errors.Is(err, msg.ErrRefused) {
		t.Error(err)
	}
}

func TestReport(t *testing.T) {
	_, orgPub := newOrg(t)
	key, public := newUser(t)
	forger, _ := newUser(t)
	id := msg.NewID(noon)
	r := Report{Org: orgPub, ID: id, Sender: "desk-1", Host: "lab-07", Serial: 1, At: noon, Done: true,
		Receipts: []msg.Receipt{{Message: "x", Session: msg.Session{Host: "elsewhere", ID: "1"}, Outcome: msg.OutcomeAccepted, Final: true}}}
	wire := must1(r.Seal(key))
	got, err := openReport(wire, subjectAck("desk-1", id, "lab-07"), orgPub, public)
	if err != nil || got.Receipts[0].Session.Host != "lab-07" || got.Receipts[0].Message != id {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = openReport(must1(r.Seal(forger)), subjectAck("desk-1", id, "lab-07"), orgPub, public)
	wantErr(t, "forged", err, "not proved")
	_, err = openReport(wire, subjectAck("desk-1", id, "lab-08"), orgPub, public)
	wantErr(t, "of another host", err, "came on the subject of lab-08")
	_, err = openReport(alter(wire, "accepted", "answered"), subjectAck("desk-1", id, "lab-07"), orgPub, public)
	wantErr(t, "altered", err, "not proved")
	for _, x := range []msg.Receipt{{}, {Outcome: "read"}, {Outcome: msg.OutcomeFailed, Session: msg.Session{Kind: "brain"}}, {Outcome: msg.OutcomeFailed, Session: msg.Session{State: "asleep"}}} {
		r.Receipts, r.Sessions = []msg.Receipt{x}, nil
		_, err = openReport(must1(r.Seal(key)), subjectAck("desk-1", id, "lab-07"), orgPub, public)
		wantErr(t, "what no receipt says", err, "a report of lab-07 has a")
		r.Receipts, r.Sessions = nil, []msg.Session{x.Session}
		_, err = openReport(must1(r.Seal(key)), subjectAck("desk-1", id, "lab-07"), orgPub, public)
		if (err == nil) != (x.Session == msg.Session{}) {
			t.Errorf("%+v: %v", x.Session, err)
		}
	}
	_, err = openReport(wire, "msg.v1.ack.x", orgPub, public)
	wantErr(t, "no subject", err, "on the subject")
}

// FuzzSealed feeds decoders what a stranger could send.
func FuzzSealed(f *testing.F) {
	org, orgPub := newOrg(f)
	desk := newSigner(f, org, orgPub, "desk-1", "send, broadcast")
	e := testEnvelope(orgPub, "desk-1")
	valid := must1(e.Seal(desk.key, desk.grant))
	f.Add(valid)
	f.Add(desk.grant)
	f.Add(sealed{Body: must1(encode(Report{})), Sig: make([]byte, 64)}.wire())
	f.Add(sealed{Body: []byte("\xbf\x61a\x9f\xff\xff"), Sig: make([]byte, 64)}.wire())
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, _, err := newVerifier(orgPub).open(b, noon); err == nil && got.ID != e.ID {
			t.Fatalf("%q is taken for an envelope", b)
		}
		if _, err := openRevocations(b, orgPub); err == nil {
			t.Fatalf("%q is taken for a list", b)
		}
		if _, err := openReport(b, subjectAck("desk-1", e.ID, "lab-07"), orgPub, desk.g.Key); err == nil {
			t.Fatalf("%q is taken for a report", b)
		}
		_, _ = peek(b)
	})
}
