package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"msg/internal/hosttest"
)

// stock is a site's own cluster: three processes of the nats-server that its
// project ships, configured as an administrator would with what msgd hub init
// has written. It is started once and ends with the tests.
type stock struct {
	dir   string
	hub   string // the folder of a hub that has just been made
	ca    authority
	nodes []*node3

	program string // the nats-server
}

// node3 is one of its servers.
type node3 struct {
	name    string
	address string
	config  string
	log     hosttest.Screen
	cmd     *exec.Cmd
	ended   chan struct{}
}

var (
	shared    *stock
	startOnce sync.Once
	startErr  error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if shared != nil {
		shared.stop()
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// theCluster starts the cluster for the first who asks.
func theCluster(t testing.TB) *stock {
	t.Helper()
	if testing.Short() {
		t.Skip("takes a cluster, and its time: not with -short")
	}
	startOnce.Do(func() { shared, startErr = startStock() })
	if startErr != nil {
		t.Fatal(startErr)
	}
	return shared
}

func startStock() (*stock, error) {
	dir, err := os.MkdirTemp("", "msg-cluster")
	if err != nil {
		return nil, err
	}
	s := &stock{dir: dir, hub: filepath.Join(dir, "hub")}
	if s.ca, err = newAuthority(); err != nil {
		return nil, err
	}
	ports, err := freePorts(6)
	if err != nil {
		return nil, err
	}
	if s.program, err = buildServer(dir); err != nil {
		return nil, err
	}
	if _, err := InitCluster(s.hub, ports[:3], ports[:3], s.ca.pem, true, time.Now()); err != nil {
		return nil, err
	}
	conf, err := os.ReadFile(filepath.Join(s.hub, ClusterFile))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, ClusterFile), conf, 0o600)
	}
	if err != nil {
		return nil, err
	}
	for i := range 3 {
		n := &node3{name: fmt.Sprintf("nats%d", i+1), address: ports[i], config: filepath.Join(dir, fmt.Sprintf("nats%d.conf", i+1))}
		if err := s.configure(n, ports[3+i], ports[3:]); err != nil {
			return nil, err
		}
		s.nodes = append(s.nodes, n)
		if err := n.start(s.program); err != nil {
			return s, err
		}
	}
	return s, nil
}

// buildServer makes the nats-server of the version that go.mod pins.
func buildServer(dir string) (string, error) {
	program := filepath.Join(dir, "nats-server")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", program, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building nats-server: %v\n%s", err, out)
	}
	return program, nil
}

// freePorts are addresses that nobody has at the moment, each another.
func freePorts(n int) (list []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		list = append(list, l.Addr().String())
	}
	return list, nil
}

// siteConf is what the site's administrator has written himself.
const siteConf = `server_name: %[1]s
listen: %[2]q
cluster { name: site, listen: %[3]q, routes: [ %[4]s ] }
jetstream { store_dir: %[5]q, max_file: 2GB, sync_interval: always }
tls { cert_file: %[6]q, key_file: %[6]q, handshake_first: %[7]s }
include fleet.conf
`

func (s *stock) configure(n *node3, route string, routes []string) error {
	cert := filepath.Join(s.dir, n.name+".pem")
	if err := s.ca.issue(cert, time.Now().AddDate(1, 0, 0), "127.0.0.1"); err != nil {
		return err
	}
	first := "true"
	if n.name == "nats3" { // what the comment in ClusterFile offers
		first = "auto"
	}
	text := fmt.Sprintf(siteConf, n.name, n.address, route, `"nats://`+strings.Join(routes, `", "nats://`)+`"`, filepath.Join(s.dir, n.name), cert, first)
	return os.WriteFile(n.config, []byte(text), 0o600)
}

func (n *node3) start(program string) error {
	n.cmd = exec.Command(program, "-c", n.config)
	n.cmd.Stderr = &n.log
	n.ended = make(chan struct{})
	if err := n.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = n.cmd.Wait()
		close(n.ended)
	}()
	return nil
}

// kill is a power cut for the process.
func (n *node3) kill() {
	_ = n.cmd.Process.Kill()
	<-n.ended
}

func (s *stock) stop() {
	for _, n := range s.nodes {
		n.kill()
	}
}

// logs are what the servers say.
func (s *stock) logs() string {
	var b strings.Builder
	for _, n := range s.nodes {
		fmt.Fprintf(&b, "%s on %s:\n%s\n", n.name, n.address, n.log.String())
	}
	return b.String()
}

// begin makes the cluster as new, and the folder of a hub for it.
func (s *stock) begin(t testing.TB, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(s.hub)); err != nil {
		t.Fatal(err)
	}
	k := &cluster{dir: dir, config: must(t, first(loadHub(dir)), nil), log: testLog(t)}
	conn := s.reach(t, k)
	defer conn.Close()
	if err := waitForStore(conn); err != nil {
		t.Fatalf("%v\n%s", err, s.logs())
	}
	js := must(t, first(jetstream.New(conn)), nil)
	ctx, cancel := context.WithTimeout(t.Context(), hubStarts)
	defer cancel()
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		if err := js.DeleteStream(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
}

// reach connects as the hub as soon as a server listens.
func (s *stock) reach(t testing.TB, k *cluster) *nats.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hubStarts)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := k.dial(ownFile)
		if err == nil {
			return conn
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%v\n%s", err, s.logs())
		case <-again.C:
		}
	}
}

// authority signs the certificates of the servers.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority() (a authority, err error) {
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return a, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "site"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		return a, err
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

// issue writes a certificate, that of the authority, and the key into one file.
func (a authority) issue(path string, until time.Time, names ...string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	b = append(append(b, a.pem...), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	return os.WriteFile(path, b, 0o600)
}
