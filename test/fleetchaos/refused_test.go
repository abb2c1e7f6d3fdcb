package fleetchaos

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/fleet"
)

// TestRefused holds that what is not proved, or not allowed, is refused by the
// real msgd and is in its journal; and that a sender which may not do it sends
// nothing.
func TestRefused(t *testing.T) {
	needNamespaces(t)
	t.Parallel()
	o := newOffice(t, "127.0.0.1")
	computerAt := func(name string) *computer { return o.computer(t, name, filepath.Join(t.TempDir(), "s")) }
	desk, lab, other := computerAt("desk-1"), computerAt("lab-07"), computerAt("lab-08")
	desk.maySend(o, "send to lab-*, broadcast, up to 1 hosts")
	f := newForger(t, o, desk)

	t.Run("what a member gets", func(t *testing.T) { f.forge(t, lab) })
	t.Run("what a hub has kept", func(t *testing.T) {
		other.msgd.end(os.Kill)
		kept := f.envelope("lab-08", "meet at 18:00")
		kept.Message.Queue = time.Hour
		f.publish("msg.v1.cmd.desk-1.host.office.lab-08", alter(t, f.seal(kept), "18:00", "19:00"))
		other.start()
		other.refused(t, "the signature is not that of the key")
	})
	t.Run("a report", func(t *testing.T) {
		m := msg.Message{ID: msg.NewID(time.Now()), Sent: time.Now(), Timeout: time.Minute, Text: "and?"}
		err := desk.client().SendTo(context.Background(), []string{"lab-08"}, msg.Target{msg.ParseSelector("*")}, m, func(msg.Receipt) {}, nil)
		var none *msg.NoSessionError
		if !errors.As(err, &none) { // nobody is signed in there
			t.Fatal(err)
		}
		liar := o.insider(t, other)
		forged := fleet.Report{Org: o.token.Org, ID: m.ID, Sender: "desk-1", Host: "lab-07", Serial: 99, At: time.Now(), Done: true}
		data, err := forged.Seal(liar.key)
		if err != nil {
			t.Fatal(err)
		}
		liar.publish("msg.v1.ack.desk-1."+m.ID+".office.lab-08", data)
		desk.refused(t, "came on the subject of lab-08")
		if got := liar.say("PUB msg.v1.ack.desk-1.%s.office.lab-07 %d\r\n%s\r\n", m.ID, len(data), data); !strings.Contains(got, "Permissions Violation") {
			t.Errorf("as another host: the hub says %q", got)
		}
	})
	t.Run("what does not leave", func(t *testing.T) {
		send := func(c *computer, host, text string) error {
			m := msg.Message{ID: msg.NewID(time.Now()), Sent: time.Now(), Timeout: time.Minute, Text: text}
			return c.client().SendTo(context.Background(), []string{host}, msg.Target{msg.ParseSelector("*")}, m, func(msg.Receipt) {}, nil)
		}
		if err := send(desk, "lab-*", "for two"); !errors.Is(err, msg.ErrRefused) {
			t.Errorf("over the limit: %v", err)
		}
		desk.refused(t, "it is for 2 hosts, and the grant of desk-1 is for 1")
		if err := send(lab, "lab-08", "without a grant"); !errors.Is(err, msg.ErrRefused) {
			t.Errorf("without a grant: %v", err)
		}
		lab.refused(t, "may not send to a fleet")
		desk.maySend(o, "send to lab-*")
		if err := send(desk, "lab-07", "for all there"); !errors.Is(err, msg.ErrRefused) {
			t.Errorf("a broadcast: %v", err)
		}
		desk.refused(t, "does not allow to broadcast")
		for _, c := range []*computer{lab, other} { // it would be there before what is proved to be
			for _, r := range c.journal(t) {
				if r.Message.Text == "for two" || r.Message.Text == "without a grant" || r.Message.Text == "for all there" {
					t.Errorf("%s has got %q", c.name, r.Message.Text)
				}
			}
		}
	})
}

// journal is all that a computer has written down.
func (c *computer) journal(t *testing.T) (list []msg.Record) {
	t.Helper()
	if err := c.client().Messages(context.Background(), "", 0, func(r msg.Record) { list = append(list, r) }); err != nil {
		t.Fatal(err)
	}
	return list
}

// refused waits until the journal has one more refusal for a reason.
func (c *computer) refused(t *testing.T, reason string) {
	t.Helper()
	c.refusedAfter(t, reason, func() {})
}

// refusedAfter does something again and again until the journal has a refusal.
func (c *computer) refusedAfter(t *testing.T, reason string, do func()) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		do()
		for _, r := range c.journal(t) {
			if strings.Contains(r.Refused, reason) {
				return
			}
		}
	}
	t.Fatalf("the journal of %s never has a refusal with %q", c.name, reason)
}

// forger has the key and the grant of a member, and for what needs it that of
// the organisation.
type forger struct {
	*insider
	office *office
	grant  []byte
	org    fleet.Key
	now    time.Time
}

func newForger(t *testing.T, o *office, c *computer) *forger {
	t.Helper()
	f := &forger{insider: o.insider(t, c), office: o, now: time.Now()}
	admin, err := fleet.OpenAdministrator(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	list, err := admin.Members(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if m.Name == c.name {
			f.grant = m.Grant
		}
	}
	if f.org, err = fleet.LoadKey(filepath.Join(o.dir, fleet.OrgKeyFile)); err != nil {
		t.Fatal(err)
	}
	return f
}

// envelope is one that is all right.
func (f *forger) envelope(host, text string) fleet.Envelope {
	id := msg.NewID(f.now)
	return fleet.Envelope{ID: id, Op: "send", Org: f.office.token.Org, Sender: "desk-1", From: "root", Hosts: fleet.Hosts{host}, Count: 1, To: []string{"*"},
		Message: msg.Message{ID: id, From: "root@desk-1", Text: text, Timeout: time.Minute, Sent: f.now}, Issued: f.now, Expires: f.now.Add(time.Hour)}
}

func (f *forger) seal(e fleet.Envelope) []byte {
	f.t.Helper()
	data, err := e.Seal(f.key, f.grant)
	if err != nil {
		f.t.Fatal(err)
	}
	return data
}

// expired is a grant of this member that was good once.
func (f *forger) expired() []byte {
	f.t.Helper()
	public, err := f.key.PublicKey()
	if err != nil {
		f.t.Fatal(err)
	}
	may, err := fleet.ParseMay("send, broadcast", f.now)
	if err != nil {
		f.t.Fatal(err)
	}
	may.Until = f.now.Add(-time.Hour)
	g, err := fleet.NewGrant(f.office.token.Org, "desk-1", public, nil, may, f.now.Add(-2*time.Hour))
	if err != nil {
		f.t.Fatal(err)
	}
	data, err := g.Seal(f.org)
	if err != nil {
		f.t.Fatal(err)
	}
	return data
}

// forge sends a member all that it must not believe.
func (f *forger) forge(t *testing.T, lab *computer) {
	const subject = "msg.v1.cmd.desk-1.host.office.lab-07"
	late, early, many := f.envelope("lab-07", "late"), f.envelope("lab-07", "early"), f.envelope("lab-07", "many")
	late.Issued = f.now.Add(-10 * time.Minute)
	early.Issued = f.now.Add(10 * time.Minute)
	many.Count = 2
	outdated, err := f.envelope("lab-07", "outdated").Seal(f.key, f.expired())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, reason string
		data         []byte
	}{
		{"altered text", "the signature is not that of the key", alter(t, f.seal(f.envelope("lab-07", "pay 10")), "pay 10", "pay 99")},
		{"a widened target", "the signature is not that of the key", alter(t, f.seal(f.envelope("lab-08", "x")), "hosts\x81\x66lab-08", "hosts\x81\x65lab-*")},
		{"an expired grant", "has expired on", outdated},
		{"a clock 10 minutes behind", "and comes now", f.seal(late)},
		{"a clock 10 minutes ahead", "and the clock here says", f.seal(early)},
		{"over the host limit", "it is for 2 hosts", f.seal(many)},
	} {
		before := count(lab.journal(t), c.reason)
		f.publish(subject, c.data)
		for end := time.Now().Add(patience); count(lab.journal(t), c.reason) != before+1; {
			if time.Now().After(end) {
				t.Fatalf("%s: the journal never has a refusal with %q", c.what, c.reason)
			}
		}
	}
	replayed := f.seal(f.envelope("lab-07", "good"))
	f.publish(subject, replayed)
	again := time.NewTicker(100 * time.Millisecond) // it is a replay when the hub has the report
	defer again.Stop()
	lab.refusedAfter(t, "it has been here before", func() {
		<-again.C
		f.publish(subject, replayed)
	})
	shown := 0
	for _, r := range lab.journal(t) {
		if r.Refused == "" {
			shown++
		}
	}
	if shown != 1 {
		t.Errorf("%d messages were taken, want the good one alone: %+v", shown, lab.journal(t))
	}
}

func count(list []msg.Record, reason string) (n int) {
	for _, r := range list {
		if strings.Contains(r.Refused, reason) {
			n++
		}
	}
	return n
}
