package fleet

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// shown are the certificates that a server with a file shows.
func shown(t *testing.T, path string) []*x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(path, path)
	if err != nil {
		t.Fatal(err)
	}
	var chain []*x509.Certificate
	for _, der := range pair.Certificate {
		chain = append(chain, must(t, first(x509.ParseCertificate(der)), nil))
	}
	return chain
}

// TestPin holds which certificates are those of the hub. The authority of a
// cluster is public: to show it proves nothing.
func TestPin(t *testing.T) {
	site, other := first(newAuthority()), first(newAuthority())
	dir := t.TempDir()
	issue := func(a authority, until time.Time, names ...string) []*x509.Certificate {
		t.Helper()
		path := filepath.Join(dir, "x.pem")
		if err := a.issue(path, until, names...); err != nil {
			t.Fatal(err)
		}
		return shown(t, path)
	}
	later := time.Now().AddDate(1, 0, 0)
	pin := pinOf(site.cert)
	hubs := []string{"nats1.example:4222", "[::1]:4222"}
	good := issue(site, later, "nats1.example")
	evil := issue(other, later, "nats1.example")
	for what, c := range map[string]struct {
		chain []*x509.Certificate
		hubs  []string
		ok    bool
	}{
		"a server of the cluster":                   {good, hubs, true},
		"one by its address":                        {issue(site, later, "::1"), hubs, true},
		"the hub's own key":                         {[]*x509.Certificate{site.cert}, nil, true},
		"another authority":                         {evil, hubs, false},
		"another, and the pinned one shown beside":  {append([]*x509.Certificate{evil[0]}, site.cert, other.cert), hubs, false},
		"another server of the same authority":      {issue(site, later, "web.example"), hubs, false},
		"expired":                                   {issue(site, time.Now().Add(-time.Minute), "nats1.example"), hubs, false},
		"without the certificate of the authority":  {good[:1], hubs, false},
		"without a name that it should have":        {good, nil, false},
		"nothing":                                   {nil, hubs, false},
		"the server's own in the authority's place": {[]*x509.Certificate{evil[0], evil[0]}, hubs, false},
	} {
		err := checkPin(c.chain, pin, c.hubs)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, errPin) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestAuthorityPin holds which files are taken for the authority of a cluster.
func TestAuthorityPin(t *testing.T) {
	site := first(newAuthority())
	path := filepath.Join(t.TempDir(), "x.pem")
	if err := site.issue(path, time.Now().AddDate(1, 0, 0), "nats1"); err != nil {
		t.Fatal(err)
	}
	for part, content := range map[string][]byte{
		"":                             site.pem,
		"has to have one":              append(append([]byte{}, site.pem...), site.pem...),
		"cannot be read":               []byte("x"),
		"is not that of an authority":  pemOf(shown(t, path)[0]),
		"of the cluster's authority c": nil,
	} {
		_, err := authorityPin(content, time.Now())
		wantErr(t, "authority", err, part)
	}
	_, err := authorityPin(site.pem, time.Now().AddDate(50, 0, 0))
	wantErr(t, "an old one", err, "has expired on")
}
