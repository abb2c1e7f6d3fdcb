package fleet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nkeys"
)

// Files of a hub's folder.
const (
	hubFile   = "hub.json"
	certFile  = "hub.crt"
	certKey   = "hub.key"
	adminFile = "admin.nk"
	bookFile  = "book.json"
	storeDir  = "store"

	// OrgKeyFile is the key of the organisation, unless it is kept elsewhere.
	// The hub itself never reads it: grants are signed by the command.
	OrgKeyFile = "org.nk"
)

// hubConfig is what init writes down.
type hubConfig struct {
	Listen  string         `json:"listen"` // HOST:PORT
	Hubs    []string       `json:"hubs"`   // how members reach it
	Org     string         `json:"org"`
	Admin   string         `json:"admin"` // public key
	Cluster *clusterConfig `json:"cluster,omitempty"`

	Site    string      `json:"site,omitempty"`    // of a leaf hub
	Leaf    *nodeConfig `json:"leaf,omitempty"`    // its way to the main hub
	Summary int         `json:"summary,omitempty"` // targets from which on it sums up; 0 is defaultSummary
}

// InitHub makes the keys, the certificate and the book of a new hub, which
// listens on listen and is reached at hubs. It returns the seed of the
// organisation's key, which is also in the folder if keep.
func InitHub(dir, listen string, hubs []string, keep bool, now time.Time) (seed string, err error) {
	if err := checkHub(listen); err != nil {
		return "", err
	}
	return initHub(dir, hubConfig{Listen: listen, Hubs: hubs}, keep, func() error { return makeCertificate(dir, now) })
}

// initHub makes the folder of a hub; what else it needs is made by more.
func initHub(dir string, c hubConfig, keep bool, more func() error) (seed string, err error) {
	if c.Admin, err = prepareHub(dir, c.Hubs); err != nil {
		return "", err
	}
	org, err := nkeys.CreateAccount()
	if err != nil {
		return "", fmt.Errorf("making keys: %w", err)
	}
	if keep {
		if err := saveKey(filepath.Join(dir, OrgKeyFile), org); err != nil {
			return "", err
		}
	}
	if err := errors.Join(more(), newBook(dir).save()); err != nil {
		return "", err
	}
	c.Org, err = org.PublicKey()
	b, err1 := org.Seed()
	if err := errors.Join(err, err1); err != nil {
		return "", fmt.Errorf("making keys: %w", err)
	}
	return string(b), writeJSON(filepath.Join(dir, hubFile), c) // the last: now it is whole
}

// prepareHub makes the folder of a new hub and the key of its administrator, of
// which it returns the public half.
func prepareHub(dir string, hubs []string) (admin string, err error) {
	if _, err := os.Lstat(filepath.Join(dir, hubFile)); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is a hub in %q already: its keys must not be lost; remove the folder to begin anew", dir)
	}
	for _, h := range hubs {
		if err := checkAddress(h); err != nil {
			return "", err
		}
	}
	if err := makeFolder(dir); err != nil {
		return "", err
	}
	path := filepath.Join(dir, adminFile)
	key, err := LoadKey(path) // of an attempt that failed
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = nkeys.CreateUser(); err == nil {
			err = saveKey(path, key)
		}
	}
	if err != nil {
		return "", fmt.Errorf("key of the administrator: %w", err)
	}
	return key.PublicKey()
}

func loadHub(dir string) (hubConfig, error) {
	var c hubConfig
	err := readJSON(filepath.Join(dir, hubFile), &c)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("there is no hub in %q: make one with msgd hub init", dir)
	}
	return c, err
}

// hubName stands in the certificate. Members know the hub by its key alone.
const hubName = "msgd.hub"

// makeCertificate makes a certificate that is never renewed: what counts is its
// key, which the join tokens pin.
func makeCertificate(dir string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: hubName}, DNSNames: []string{hubName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(50, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err1 := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	private, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("making a certificate: %w", err)
	}
	return errors.Join(
		writeFile(filepath.Join(dir, certFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		writeFile(filepath.Join(dir, certKey), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

func loadCertificate(dir string) (tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, certKey))
	if err != nil {
		return c, fmt.Errorf("certificate of the hub: %w", err)
	}
	return c, nil
}

// Invite makes a join token for so many computers, until that time, and writes
// its secret into the book of a hub that does not run.
func Invite(dir string, uses int, until time.Time) (JoinToken, error) {
	b, err := loadBook(dir)
	if err != nil {
		return JoinToken{}, err
	}
	secret, err := b.invite(uses, until)
	if err != nil {
		return JoinToken{}, err
	}
	return joinToken(dir, secret)
}

// joinToken is the token around a secret.
func joinToken(dir, secret string) (JoinToken, error) {
	c, err := loadHub(dir)
	if err != nil {
		return JoinToken{}, err
	}
	pin, err := c.pin(dir)
	if err != nil {
		return JoinToken{}, err
	}
	return JoinToken{Hubs: c.Hubs, Pin: pin, Org: c.Org, Secret: secret}, nil
}

// pin is what members know the hub, or the cluster, by.
func (c hubConfig) pin(dir string) ([]byte, error) {
	if c.Cluster != nil {
		return c.Cluster.Pin, nil
	}
	cert, err := loadCertificate(dir)
	if err != nil {
		return nil, err
	}
	return pinOf(cert.Leaf), nil
}

// reached is where the hub's own computer reaches it.
func (c hubConfig) reached() []string {
	if c.Cluster != nil {
		return c.Cluster.Servers
	}
	return []string{c.localHub()}
}

// localHub is how the hub is reached from its own computer. "localhost" would
// need a file or a server that knows it.
func (c hubConfig) localHub() string {
	host, port, err := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		if ip.To4() != nil {
			return net.JoinHostPort("127.0.0.1", port)
		}
		return net.JoinHostPort("::1", port)
	}
	return c.Listen
}
