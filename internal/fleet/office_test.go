package fleet

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"msg"
	"msg/internal/hosttest"
)

// office is a hub in this process, with its members.
type office struct {
	t      testing.TB
	dir    string
	hub    *Hub
	admin  *Administrator
	org    nkeys.KeyPair
	orgPub string
	token  JoinToken

	cluster *stock // nil: the hub has its own server
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// testLog is what the tests log to; -v shows it.
func testLog(t testing.TB) *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	return quiet()
}

// freePort is a port of loopback that nobody has at the moment.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// slow is for tests that take more than a second.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes a second or more: not with -short")
	}
}

// onBoth runs a test against the hub's own server, and against a cluster.
func onBoth(t *testing.T, test func(t *testing.T, o *office)) {
	t.Run("embedded", func(t *testing.T) { test(t, newOffice(t)) })
	t.Run("cluster", func(t *testing.T) { test(t, newSite(t)) })
}

// newOffice is an office with a hub that has its own server.
func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{t: t, dir: filepath.Join(t.TempDir(), "hub")}
	address := freePort(t)
	if _, err := InitHub(o.dir, address, []string{address}, true, time.Now()); err != nil {
		t.Fatal(err)
	}
	return o.open()
}

// newSite is one with a hub on the cluster.
func newSite(t testing.TB) *office {
	t.Helper()
	o := &office{t: t, dir: filepath.Join(t.TempDir(), "hub"), cluster: theCluster(t)}
	o.cluster.begin(t, o.dir)
	return o.open()
}

func (o *office) open() *office {
	t := o.t
	t.Helper()
	o.token = must(t, first(Invite(o.dir, 1000, time.Now().Add(time.Hour))), nil)
	o.org = must(t, first(LoadKey(filepath.Join(o.dir, OrgKeyFile))), nil)
	o.orgPub = must(t, first(o.org.PublicKey()), nil)
	o.start()
	t.Cleanup(func() { o.stop() })
	return o
}

func first[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (o *office) start() {
	o.t.Helper()
	var err error
	if o.hub, err = StartHub(o.dir, testLog(o.t)); err != nil {
		o.t.Fatal(err)
	}
	if o.admin, err = OpenAdministrator(o.dir); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) stop() {
	o.admin.Close()
	o.hub.Close()
}

// desk is a member with people in front of it.
type desk struct {
	*Node
	t    testing.TB
	dir  string
	fake *hosttest.Fake
	end  func() // ends it; more than once is fine

	mu       sync.Mutex
	refused  []string
	hold     chan struct{} // if not nil, Send waits for it
	showings int
}

func person(host, id, user string) hosttest.Person {
	return hosttest.Person{Session: msg.Session{Host: host, ID: id, Name: "pts/" + id, User: user, Account: "1000", Kind: msg.KindTerminal, State: msg.StateActive, Idle: msg.IdleUnknown, Source: "fake"}}
}

// join makes a member and runs it.
func (o *office) join(name string, people ...hosttest.Person) *desk {
	o.t.Helper()
	d := &desk{t: o.t, dir: filepath.Join(o.t.TempDir(), "fleet"), fake: hosttest.NewFake(people...)}
	if err := Join(context.Background(), d.dir, name, o.token); err != nil {
		o.t.Fatal(err)
	}
	d.run(nil)
	return d
}

func (d *desk) run(prepare func(*Node)) {
	d.t.Helper()
	local := Local{
		Send: d.send, Sessions: func(ctx context.Context, _ msg.Principal) ([]msg.Session, error) { return d.fake.Sessions(ctx) },
		Follow:  func(context.Context, string, func(msg.Receipt)) (bool, error) { return false, nil },
		InGroup: func(user, group string) bool { return user == "olga" && group == "ops" },
		Refuse: func(from, id, reason string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.refused = append(d.refused, reason)
		},
	}
	n, err := Open(d.dir, "1.0", local, testLog(d.t))
	if err != nil {
		d.t.Fatal(err)
	}
	n.pause = func(int) time.Duration { return 20 * time.Millisecond }
	if prepare != nil {
		prepare(n)
	}
	d.Node = n
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	d.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			d.t.Error(err)
		}
	})
	d.t.Cleanup(d.end)
	d.waitFor("it is in the fleet", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return len(n.subs) > 0
	})
}

func (d *desk) send(ctx context.Context, p msg.Principal, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	d.mu.Lock()
	hold := d.hold
	d.showings++
	d.mu.Unlock()
	if hold != nil {
		<-hold
	}
	m.From = p.Sender()
	return d.fake.Send(ctx, t, m, report)
}

func (d *desk) refusals() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.refused, "\n")
}

// waitFor waits until something is so. Nothing tells when, on the other side of
// two connections, so it looks again and again.
func (d *desk) waitFor(what string, is func() bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			d.t.Fatalf("%s: waited in vain until %s", d.config.Name, what)
		case <-tick.C:
		}
	}
}

// allow gives a member a grant, and waits until it has it.
func (o *office) allow(d *desk, may string, speaksFor ...string) Grant {
	o.t.Helper()
	g, _, err := o.admin.Allow(context.Background(), o.org, d.config.Name, speaksFor, first(ParseMay(may, time.Now())))
	if err != nil {
		o.t.Fatal(err)
	}
	d.waitFor("it may send", func() bool {
		d.Node.mu.Lock()
		defer d.Node.mu.Unlock()
		have, err := OpenGrant(d.grant, o.orgPub, time.Now())
		return err == nil && have.ID == g.ID && d.subs[prefix+"ack."+token(d.config.Name)+".>"] != nil
	})
	return g
}

// tag gives a member tags, and waits until it has them.
func (o *office) tag(d *desk, tags ...string) {
	o.t.Helper()
	if err := o.admin.Tag(context.Background(), d.config.Name, tags); err != nil {
		o.t.Fatal(err)
	}
	d.waitFor("it has its tags", func() bool {
		d.Node.mu.Lock()
		defer d.Node.mu.Unlock()
		return slices.Equal(d.tags, tags) && (len(tags) == 0 || d.subs[prefix+kindSend+".*.tag."+token(tags[0])] != nil)
	})
}

var root = msg.Principal{User: "root", Account: "0", Superuser: true}

// say sends as root and waits for the end.
func (d *desk) say(hosts string, m msg.Message) (receipts []msg.Receipt, p msg.Reach, err error) {
	d.t.Helper()
	return d.sayAs(root, hosts, "*", m)
}

func (d *desk) sayAs(p msg.Principal, hosts, to string, m msg.Message) (receipts []msg.Receipt, progress msg.Reach, err error) {
	d.t.Helper()
	m.ID = msg.NewID(time.Now())
	m.Sent = time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err = d.Send(ctx, p, strings.Split(hosts, ","), first(msg.ParseTarget(to)), m,
		func(r msg.Receipt) { receipts = append(receipts, r) }, func(x msg.Reach) { progress = x })
	return receipts, progress, err
}

func hello(text string) msg.Message { return msg.Message{Text: text, Timeout: time.Minute} }

// outcomes sums up receipts by their host, the last of each session.
func outcomes(receipts []msg.Receipt) string {
	last := map[string]string{}
	for _, r := range receipts {
		last[r.Session.Host+"/"+r.Session.ID] = string(r.Outcome)
	}
	var list []string
	for key, o := range last {
		list = append(list, key+" "+o)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (d *desk) screen(id string) string { return d.fake.Screen(msg.Session{ID: id}).String() }

func expect(t testing.TB, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
