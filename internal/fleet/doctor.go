package fleet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Finding is one thing that a doctor has looked at. It has no secret in it.
type Finding struct {
	About string
	Found string // how it is
	Do    string // what to do about it; empty if it is as it should be
}

// doctor looks at everything that a fleet needs, and goes on after what is
// wrong as far as that can be.
type doctor struct {
	clock func() time.Time
	list  []Finding
}

func (d *doctor) ok(about, format string, args ...any) {
	d.list = append(d.list, Finding{About: about, Found: fmt.Sprintf(format, args...)})
}

func (d *doctor) wrong(do, about, format string, args ...any) {
	d.list = append(d.list, Finding{about, fmt.Sprintf(format, args...), do})
}

// Bounds of what is well.
const (
	mostApart   = time.Minute         // of clocks; messages are refused at maxSkew
	certExpires = 30 * 24 * time.Hour // a certificate has to be renewed before that
)

// The oldest nats-server: before it, stores could lose messages that they had
// taken, sync_interval or not.
var leastServer = [3]int{2, 12, 3}

// ExamineMember looks at this computer as a member, from its folder.
func ExamineMember(ctx context.Context, dir string) []Finding {
	d := &doctor{clock: time.Now}
	d.member(ctx, dir)
	return d.list
}

// ExamineHub looks at the hub of a folder, which should run.
func ExamineHub(ctx context.Context, dir string) []Finding {
	d := &doctor{clock: time.Now}
	d.hub(ctx, dir)
	return d.list
}

func (d *doctor) member(ctx context.Context, dir string) {
	const about = "member"
	var c nodeConfig
	key, err := LoadKey(filepath.Join(dir, nodeKey))
	if err == nil {
		err = readJSON(filepath.Join(dir, nodeFile), &c)
	}
	if err != nil {
		d.wrong("run it as root; if the file is damaged, remove the folder and join anew", about, "%v", err)
		return
	}
	d.ok(about, "%s, of the organisation %s", c.Name, c.Org)
	options, err := c.options(key)
	if err != nil {
		d.wrong("remove the folder and join anew", about, "%v", err)
		return
	}
	if err := readable(dir, c.Org); err != nil {
		d.wrong("move that file away, or put a copy of it there: msgd is not in the fleet until then, and tries once a minute", about, "%v", err)
	}
	for _, hub := range d.places(ctx, c.Hubs) {
		if !d.listens(ctx, hub, c.Pin, c.Hubs) {
			continue
		}
		conn, ok := d.connects(hub, "it does not know the key of this computer: it was revoked, or, on a cluster, msgd hub serve does not run", options)
		if ok {
			d.hello(ctx, conn, hub, c)
			conn.Close()
		}
	}
}

// readable reports what Open could not read in the folder of a member; it changes
// nothing there, and msgd may be at work in it.
func readable(dir, org string) error {
	var state nodeState
	if err := readJSON(filepath.Join(dir, stateFile), &state); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if state.Revoked != nil {
		if _, err := openRevocations(state.Revoked, org); err != nil {
			return fmt.Errorf("reading %q: %w", filepath.Join(dir, stateFile), err)
		}
	}
	log := inboxLog{path: filepath.Join(dir, inboxDir, inboxFile)}
	if _, err := log.read(); err != nil {
		return err
	}
	sent, err := filepath.Glob(filepath.Join(dir, outboxDir, "*.json"))
	for _, path := range sent {
		err = errors.Join(err, readJSON(path, newSent()))
	}
	return err
}

// places are where hubs are, with those that the DNS knows.
func (d *doctor) places(ctx context.Context, hubs []string) (all []string) {
	dns := newDirect(net.DefaultResolver)
	for _, hub := range hubs {
		found, err := dns.targets(ctx, hub)
		if err != nil {
			d.wrong("look at the SRV record; without it, an address beside it in the join token serves", hub, "%v", err)
		}
		all = append(all, found...)
	}
	return all
}

// listens looks for a server, and at its certificate.
func (d *doctor) listens(ctx context.Context, hub string, pin []byte, hubs []string) bool {
	about := "server " + hub
	dialer := net.Dialer{Timeout: hubTimeout}
	raw, err := dialer.DialContext(ctx, "tcp", hub)
	if err != nil {
		d.wrong("start it, and let this computer reach it", about, "%v", err)
		return false
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(hubTimeout))
	conn := tls.Client(raw, pinned(pin, hubs...))
	err = conn.HandshakeContext(ctx)
	var plain tls.RecordHeaderError
	switch {
	case errors.Is(err, errPin):
		d.wrong("compare with the fingerprint on the hub; if the hub, or the authority of the cluster, was made anew, join with a new token", about, "%v", err)
	case errors.As(err, &plain):
		d.wrong(`its block tls needs "handshake_first: true"`, about, "it does not begin with TLS")
	case err != nil:
		d.wrong("it has to speak TLS 1.3 from the first byte", about, "%v", err)
	default:
		d.certificate(about, conn.ConnectionState(), pin)
		return true
	}
	return false
}

// certificate looks at how long the certificates are good. The hub's own is
// known by its key alone.
func (d *doctor) certificate(about string, s tls.ConnectionState, pin []byte) {
	if isPinned(s.PeerCertificates[0], pin) {
		d.ok(about, "%s, the key that the join token pins", tls.VersionName(s.Version))
		return
	}
	ends := s.PeerCertificates[0]
	for _, c := range s.PeerCertificates {
		if c.NotAfter.Before(ends.NotAfter) {
			ends = c
		}
	}
	if left := ends.NotAfter.Sub(d.clock()); left < certExpires {
		d.wrong("renew it", about, "the certificate of %s is good until %s only", nameOf(ends), ends.NotAfter.Format(time.DateOnly))
		return
	}
	d.ok(about, "%s, a certificate of the authority that the join token pins, until %s", tls.VersionName(s.Version), ends.NotAfter.Format(time.DateOnly))
}

func nameOf(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	return strings.Join(c.DNSNames, ",")
}

// connects connects to one server, and looks at what it is.
func (d *doctor) connects(hub, unknown string, options []nats.Option) (*nats.Conn, bool) {
	about := "server " + hub
	conn, err := nats.Connect("nats://"+hub, append(options, nats.Timeout(hubTimeout), nats.NoReconnect(), nats.IgnoreDiscoveredServers())...)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		d.wrong("look at the log of the hub, and at that of the server", about, "%s", unknown)
		return nil, false
	case err != nil:
		d.wrong("look at the log of the hub, and at that of the server", about, "%v", err)
		return nil, false
	}
	d.version(about, conn.ConnectedServerVersion())
	d.payload(about, conn.MaxPayload())
	return conn, true
}

func (d *doctor) version(about, version string) {
	if older(version, leastServer) {
		d.wrong("install a newer one", about, "nats-server %s; it has to be %d.%d.%d or newer", version, leastServer[0], leastServer[1], leastServer[2])
		return
	}
	d.ok(about, "nats-server %s", version)
}

// older compares versions; one that cannot be read is old, and one that is not
// released counts as what it will be.
func older(version string, least [3]int) bool {
	var v [3]int
	if n, err := fmt.Sscanf(version, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil || n != 3 {
		return true
	}
	for i := range v {
		if v[i] != least[i] {
			return v[i] < least[i]
		}
	}
	return false
}

func (d *doctor) payload(about string, size int64) {
	if size < maxPayload {
		d.wrong(fmt.Sprintf("set max_payload: %d", maxPayload), about, "it takes messages of %d bytes at most", size)
		return
	}
	d.ok(about, "messages of up to %d bytes", size)
}

// hello asks the hub what this member is.
func (d *doctor) hello(ctx context.Context, conn *nats.Conn, hub string, c nodeConfig) {
	about := "hub by " + hub
	begin := d.clock()
	t, err := askHub(ctx, conn, subjectRPC(verbHello, c.Name), ask{})
	if err != nil {
		d.wrong("start it: msgd hub serve", about, "%v", err)
		return
	}
	d.ok(about, "it answers")
	d.apart(about, begin, t.Now)
	if len(t.Grant) == 0 {
		d.ok("grant", "none: nobody here may send to the fleet")
		return
	}
	g, err := OpenGrant(t.Grant, c.Org, d.clock())
	if err != nil {
		d.wrong("msgd operator add, on the hub, makes a new one", "grant", "%v", err)
		return
	}
	d.ok("grant", "%s", g.May)
}

// ahead is by how much a clock is ahead of the one here, which showed begin when it
// was asked, and end when the answer came.
func ahead(begin, end, there time.Time) time.Duration {
	return there.Sub(begin.Add(end.Sub(begin) / 2))
}

// apart compares the clock here with that of another computer, which was asked
// at begin.
func (d *doctor) apart(about string, begin, there time.Time) {
	if there.IsZero() {
		return // it is older than this question
	}
	by := ahead(begin, d.clock(), there)
	switch {
	case by.Abs() <= mostApart:
		d.ok(about, "the clocks agree to %v", by.Abs().Round(time.Millisecond))
	case by > 0:
		d.wrong("set both clocks by NTP; from 5 minutes on messages are refused", about, "the clock there is %v ahead", by.Round(time.Second))
	default:
		d.wrong("set both clocks by NTP; from 5 minutes on messages are refused", about, "the clock there is %v behind", by.Abs().Round(time.Second))
	}
}

// hub looks at a hub of either kind.
func (d *doctor) hub(ctx context.Context, dir string) {
	const about = "hub"
	c, err1 := loadHub(dir)
	b, err2 := loadBook(dir)
	if err := errors.Join(err1, err2); err != nil {
		d.wrong("run it as root, or as who owns the folder; in the place of what is damaged, put a copy", about, "%v", err)
		return
	}
	pin, err := c.pin(dir)
	if err != nil {
		d.wrong("restore the folder of the hub from where it is kept", about, "%v", err)
		return
	}
	d.ok(about, "%s, with %d members, of the organisation %s", dir, len(b.members), c.Org)
	up := false
	for _, s := range c.reached() {
		up = d.listens(ctx, s, pin, c.reached()) || up
	}
	if !up {
		return
	}
	if c.Cluster != nil && !d.cluster(ctx, dir, c, len(b.members)) {
		return
	}
	for _, s := range c.reached() {
		d.serves(ctx, dir, s)
	}
}

// serves asks the hub something, as an administrator does, by one server.
func (d *doctor) serves(ctx context.Context, dir, server string) {
	about := "hub by " + server
	a, err := openAdministrator(dir, server)
	if err != nil {
		d.wrong("start the hub: msgd hub serve; if it runs, have that server include "+ClusterFile+", and load it", about, "%v", err)
		return
	}
	defer a.Close()
	d.version(about, a.conn.ConnectedServerVersion())
	d.payload(about, a.conn.MaxPayload())
	begin := d.clock()
	t, err := a.ask(ctx, verbMembers, ask{})
	if err != nil {
		d.wrong("look at the log of the hub", about, "%v", err)
		return
	}
	on := 0
	for _, m := range t.Members {
		if m.Online {
			on++
		}
	}
	d.ok(about, "it answers: %d of %d members are connected", on, len(t.Members))
	d.apart(about, begin, t.Now)
}
