package fleet

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"golang.org/x/net/dns/dnsmessage"
)

// dns is a name server on loopback.
type dns struct {
	conn net.PacketConn

	mu      sync.Mutex
	records []dnsmessage.SRVResource
	fails   bool
	asked   []string
}

func newDNS(t testing.TB) *dns {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &dns{conn: conn}
	var done sync.WaitGroup
	done.Go(d.serve)
	t.Cleanup(func() {
		_ = conn.Close()
		done.Wait()
	})
	return d
}

func (d *dns) serve() {
	for b := make([]byte, 4096); ; {
		n, from, err := d.conn.ReadFrom(b)
		if err != nil {
			return
		}
		var q dnsmessage.Message
		if q.Unpack(b[:n]) != nil || len(q.Questions) != 1 {
			continue
		}
		if reply, err := d.answer(q); err == nil {
			_, _ = d.conn.WriteTo(reply, from)
		}
	}
}

func (d *dns) answer(q dnsmessage.Message) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := q.Questions[0].Name
	d.asked = append(d.asked, name.String())
	a := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, RecursionDesired: true, RecursionAvailable: true}, Questions: q.Questions}
	if d.fails {
		a.RCode = dnsmessage.RCodeServerFailure
		return a.Pack()
	}
	if q.Questions[0].Type != dnsmessage.TypeSRV { // every computer is this one
		if q.Questions[0].Type == dnsmessage.TypeA {
			a.Answers = append(a.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}})
		}
		return a.Pack()
	}
	for i := range d.records {
		a.Answers = append(a.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET, TTL: 1}, Body: &d.records[i]})
	}
	return a.Pack()
}

// says has the server answer with these ports of computers of the office, the
// first with the least priority; without any it fails.
func (d *dns) says(targets ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records, d.fails = nil, targets == nil
	for i, t := range targets {
		host, port, _ := net.SplitHostPort(t)
		n, _ := strconv.Atoi(port)
		if host == "127.0.0.1" {
			host = "hub.office.example"
		}
		d.records = append(d.records, dnsmessage.SRVResource{Priority: uint16(i), Weight: 1, Port: uint16(n), Target: dnsmessage.MustNewName(host + ".")})
	}
}

func (d *dns) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "udp", d.conn.LocalAddr().String())
	}}
}

// imposter is a hub with another key.
func imposter(t testing.TB) *Hub {
	t.Helper()
	return newOffice(t).hub
}

// byName is a member of an office that knows the hub by its domain.
func (o *office) byName(t testing.TB, name string) (nodeConfig, []nats.Option) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := Join(t.Context(), dir, name, o.token); err != nil {
		t.Fatal(err)
	}
	var c nodeConfig
	if err := readJSON(filepath.Join(dir, nodeFile), &c); err != nil {
		t.Fatal(err)
	}
	key, err := LoadKey(filepath.Join(dir, nodeKey))
	if err != nil {
		t.Fatal(err)
	}
	c.Hubs = []string{"srv:office.example"}
	options, err := c.options(key)
	if err != nil {
		t.Fatal(err)
	}
	return c, options
}

// TestSRV finds the hub by its domain, passes by what is not the hub, and goes
// on with what it knows when names cannot be looked up.
func TestSRV(t *testing.T) {
	o := newOffice(t)
	other, dead := imposter(t), freePort(t)
	c, options := o.byName(t, "desk-1")
	d := newDNS(t)
	way := reach("", d.resolver())
	d.says(dead, other.Address(), o.hub.Address())
	conn, err := nats.Connect(c.urls(), append(options, way)...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := askHub(t.Context(), conn, subjectRPC(verbHello, c.Name), ask{}); err != nil {
		t.Error(err)
	}
	dialer := conn.Opts.CustomDialer.(*hubDialer)
	conn.Close()
	d.mu.Lock()
	if d.asked[0] != "_msgd._tcp.office.example." {
		t.Errorf("it asked for %q", d.asked)
	}
	d.mu.Unlock()

	d.says() // which fails
	if list, err := dialer.direct.targets(t.Context(), "srv:office.example"); err != nil || len(list) != 3 {
		t.Errorf("what was known before: %q, %v", list, err)
	}
	if _, err := nats.Connect(c.urls(), append(options, reach("", d.resolver()))...); err == nil || !strings.Contains(err.Error(), "SRV record of _msgd._tcp.office.example") {
		t.Errorf("nothing was known before: %v", err)
	}
}

// TestSRVHostile has the name server lie. Nobody is believed to be the hub, and
// nobody else is told anything: the handshake comes first.
func TestSRVHostile(t *testing.T) {
	o := newOffice(t)
	other := imposter(t)
	c, options := o.byName(t, "desk-1")
	d := newDNS(t)
	connect := func() error {
		conn, err := nats.Connect(c.urls(), append(options, reach("", d.resolver()))...)
		if err == nil {
			conn.Close()
		}
		return err
	}
	d.says(other.Address())
	if err := connect(); !errors.Is(err, errPin) {
		t.Errorf("another hub: %v", err)
	}
	d.says(":4222", "hub.office.example:0")
	if err := connect(); err == nil || !strings.Contains(err.Error(), "SRV record") {
		t.Errorf("records that say there is none: %v", err)
	}
	var many []string
	for range maxSRV {
		many = append(many, other.Address())
	}
	d.says(append(many, o.hub.Address())...)
	if err := connect(); !errors.Is(err, errPin) {
		t.Errorf("the hub behind %d others: %v", maxSRV, err)
	}
}

// TestForward reaches the hub through a process that may, and nothing else.
func TestForward(t *testing.T) {
	o := newOffice(t)
	dir := filepath.Join(t.TempDir(), "desk-1")
	if err := Join(t.Context(), dir, "desk-1", o.token); err != nil {
		t.Fatal(err)
	}
	f, err := NewForwarder(filepath.Join(dir, nodeFile), testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	d := newDNS(t)
	f.direct = newDirect(d.resolver())
	f.hubs = append(f.hubs, "srv:office.example")
	socket := filepath.Join(t.TempDir(), "fleet.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- f.Serve(ctx, l) }()

	c, options := o.byName(t, "desk-2")
	way := forwarded{socket}
	d.says(imposter(t).Address(), o.hub.Address())
	elsewhere := freePort(t)
	for _, target := range []string{elsewhere, "srv:office.example"} {
		if _, err := way.dial(t.Context(), target); err == nil || !strings.Contains(err.Error(), "none of the hubs") {
			t.Errorf("dial %s: %v", target, err)
		}
	}
	for _, hub := range []string{"srv:elsewhere.example", elsewhere} {
		if _, err := way.targets(t.Context(), hub); err == nil || !strings.Contains(err.Error(), "none of the hubs") {
			t.Errorf("targets of %s: %v", hub, err)
		}
	}
	for _, hubs := range [][]string{{o.hub.Address()}, {"srv:office.example"}} {
		c.Hubs = hubs
		// A resolver that would fail: nothing is looked up in this process.
		conn, err := nats.Connect(c.urls(), append(options, reach(socket, newDNS(t).resolver()))...)
		if err != nil {
			t.Fatal(hubs, err)
		}
		if _, err := askHub(t.Context(), conn, subjectRPC(verbHello, c.Name), ask{}); err != nil {
			t.Error(hubs, err)
		}
		defer conn.Close()
	}
	stop() // with two connections open
	if err := <-served; err != nil {
		t.Error(err)
	}
	_ = os.Remove(socket)
	if _, err := way.targets(t.Context(), "srv:office.example"); err == nil || !strings.Contains(err.Error(), "msgd-fleet.service") {
		t.Errorf("nobody there: %v", err)
	}
}

// FuzzForward has a Forwarder read lines: whatever stands there, what it dials
// was found for one of its hubs.
func FuzzForward(f *testing.F) {
	for _, s := range []string{"targets 127.0.0.1:1\n", "dial 127.0.0.1:2\n", "targets srv:x\n", "dial srv:x\n", "targets\n", "\n", "dial 127.0.0.1:1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		line, err := readLine(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nothing is dialled; what may be is what counts
		fw := &Forwarder{hubs: []string{"127.0.0.1:1"}, direct: newDirect(net.DefaultResolver), log: quiet()}
		answer, conn, err := fw.do(ctx, line)
		if conn != nil || err == nil && (line != "targets 127.0.0.1:1" || answer != "ok 127.0.0.1:1") {
			t.Errorf("%q: %q, %v", line, answer, err)
		}
	})
}

func TestCheckAddress(t *testing.T) {
	for _, good := range []string{"hub:4222", "[::1]:4222", "srv:example.org", "srv:office"} {
		if err := checkAddress(good); err != nil {
			t.Error(err)
		}
		if u := hubURL(good); hubOf(strings.TrimPrefix(u, "nats://")) != good {
			t.Errorf("%s becomes %s", good, u)
		}
	}
	for _, bad := range []string{"", "hub", "srv:", "srv:a b", "srv:a,b", "srv:a..b", "srv:.a", "srv:a/b", "srv:example.org:4222",
		"hub:", "hub:0", "hub:-1", "hub:65536", "hub:nats", "srv:" + strings.Repeat("a", 300)} {
		if checkAddress(bad) == nil {
			t.Errorf("%q is an address", bad)
		}
	}
	if checkHub("srv:4222") == nil {
		t.Error("a hub listens on srv:4222")
	}
}

// TestSRVMoves joins by a token that has a domain only, and finds the hub again
// where the records say that it has moved to.
func TestSRVMoves(t *testing.T) {
	o := newOffice(t)
	d := newDNS(t)
	before := net.DefaultResolver
	net.DefaultResolver = d.resolver()
	t.Cleanup(func() { net.DefaultResolver = before })
	d.says(o.hub.Address())
	o.token.Hubs = []string{"srv:office.example"}
	var err error
	if o.token, err = ParseJoinToken(o.token.String()); err != nil {
		t.Fatal(err)
	}
	desk := o.join("desk-1", person("desk-1", "1", "bob"))

	o.stop()
	c, err := loadHub(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	c.Listen = freePort(t)
	if err := writeJSON(filepath.Join(o.dir, hubFile), c); err != nil {
		t.Fatal(err)
	}
	o.start()
	d.says(imposter(t).Address(), o.hub.Address())
	desk.waitFor("it has found the hub again", func() bool {
		list, err := o.admin.Members(t.Context())
		return err == nil && len(list) == 1 && list[0].Online
	})
}
