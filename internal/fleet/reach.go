package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Where hubs are can stand in the DNS: srv:example.org, in place of HOST:PORT,
// is for the SRV records of _msgd._tcp.example.org (RFC 2782). They are
// believed as little as any address: the pin says whether it is the hub.
const (
	srvMark = "srv:"
	srvName = "_msgd._tcp." // in front of the domain

	maxSRV    = 16              // records that are looked at
	dialLimit = 8 * time.Second // for all of them
	tryHub    = 4 * time.Second // for a look-up, and for each
	maxDomain = 253             // bytes of a domain, RFC 1035 2.3.4
)

// checkDomain checks what stands behind srv:.
func checkDomain(domain string) error {
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	}
	if domain == "" || len(domain) > maxDomain-len(srvName) || strings.ContainsFunc(domain, bad) || strings.HasPrefix(domain, ".") || strings.Contains(domain, "..") {
		return fmt.Errorf("%q has no domain: write %sexample.org", srvMark+domain, srvMark)
	}
	return nil
}

// checkAddress checks how members reach a hub.
func checkAddress(hub string) error {
	if domain, ok := strings.CutPrefix(hub, srvMark); ok {
		return checkDomain(domain)
	}
	return checkHub(hub)
}

// hubURL is what NATS calls the address of a hub, and hubOf the way back.
func hubURL(hub string) string {
	if domain, ok := strings.CutPrefix(hub, srvMark); ok {
		return "nats://" + srvName + domain + ":4222" // the port counts for nothing
	}
	return "nats://" + hub
}

func hubOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if domain, ok := strings.CutPrefix(host, srvName); ok && err == nil {
		return srvMark + domain
	}
	return address
}

// aliveHub has the system find out that the computer of the hub is gone, a
// little before the third sign of life is missing, and at no cost for the hub's
// process.
var aliveHub = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 4}

// way is how connections to hubs are made.
type way interface {
	// targets are where a hub may be, HOST:PORT, the best first.
	targets(ctx context.Context, hub string) ([]string, error)
	dial(ctx context.Context, target string) (net.Conn, error)
}

// direct connects from this process.
type direct struct {
	resolver *net.Resolver

	mu    sync.Mutex
	known map[string][]string // what was found last
}

func newDirect(r *net.Resolver) *direct { return &direct{resolver: r, known: map[string][]string{}} }

// targets looks hubs up. When that fails, what was found before counts.
func (d *direct) targets(ctx context.Context, hub string) ([]string, error) {
	domain, ok := strings.CutPrefix(hub, srvMark)
	if !ok {
		return []string{hub}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tryHub)
	defer cancel()
	// It sorts by priority and draws by weight. Next to names that are none it
	// gives the good ones.
	_, records, err := d.resolver.LookupSRV(ctx, "msgd", "tcp", domain)
	var found []string
	for _, r := range records {
		host := strings.TrimSuffix(r.Target, ".")
		target := net.JoinHostPort(host, strconv.Itoa(int(r.Port)))
		// A target of "." says that there is no such service.
		if host != "" && checkHub(target) == nil && len(found) < maxSRV {
			found = append(found, target)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(found) > 0 {
		d.known[hub] = found
	} else if found = d.known[hub]; len(found) == 0 {
		if err == nil {
			err = errors.New("it names none")
		}
		return nil, fmt.Errorf("looking for the hubs in the SRV record of %s%s: %w", srvName, domain, err)
	}
	return found, nil
}

// has reports whether a hub was found at this address.
func (d *direct) has(target string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, list := range d.known {
		for _, t := range list {
			if t == target {
				return true
			}
		}
	}
	return false
}

func (d *direct) dial(ctx context.Context, target string) (net.Conn, error) {
	dialer := net.Dialer{Resolver: d.resolver, KeepAliveConfig: aliveHub}
	return dialer.DialContext(ctx, "tcp", target)
}

// hubDialer connects to the first of the targets of a hub that proves to be it.
// It is a nats.CustomDialer that does the TLS handshake itself: whoever is not
// the hub only costs the time to find out.
type hubDialer struct {
	direct *direct
	via    string // socket of a Forward; where there is none, direct is used
	tls    *tls.Config

	mu    sync.Mutex
	begin int // the target to begin with: where time ran out before
}

// reach is how a member gets to its hub. It belongs behind nats.Secure.
func reach(via string, r *net.Resolver) nats.Option {
	return func(o *nats.Options) error {
		o.CustomDialer = &hubDialer{direct: newDirect(r), via: via, tls: o.TLSConfig}
		o.SkipHostLookup = true
		return nil
	}
}

// SkipTLSHandshake tells NATS that Dial has done it.
func (*hubDialer) SkipTLSHandshake() bool { return true }

// Dial implements nats.CustomDialer.
func (d *hubDialer) Dial(_, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
	defer cancel()
	way := d.way()
	targets, err := way.targets(ctx, hubOf(address))
	if err != nil {
		return nil, err
	}
	begin := d.turn(0)
	var failed []error
	for i := range targets {
		conn, err := d.try(ctx, way, targets[(begin+i)%len(targets)])
		if err == nil {
			return conn, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			d.turn(begin + i)
			break
		}
	}
	for _, err := range failed {
		if errors.Is(err, errPin) { // this matters more than one that is off
			return nil, err
		}
	}
	return nil, errors.Join(failed...)
}

// turn says with which target to begin, and writes down the next one.
func (d *hubDialer) turn(next int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	begin := d.begin
	d.begin = next
	return begin
}

func (d *hubDialer) way() way {
	if d.via != "" {
		if _, err := os.Lstat(d.via); err == nil {
			return forwarded{d.via}
		}
	}
	return d.direct
}

func (d *hubDialer) try(ctx context.Context, way way, target string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, tryHub)
	defer cancel()
	conn, err := way.dial(ctx, target)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, d.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("hub at %s: %w", target, err)
	}
	return secure, nil
}
