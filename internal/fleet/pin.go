package fleet

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// pinOf is what a token says of a certificate.
func pinOf(c *x509.Certificate) []byte {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return sum[:]
}

// errPin is wrapped by the error of a hub that is not the one in the token.
var errPin = errors.New("this is not the hub that the join token speaks of: its key is another; somebody may be in between")

// pinned accepts one key and nothing else: no other authority has a say. It is
// the hub's own, and then the name and the dates of its certificate do not
// matter; or that of the authority of a cluster, and then they do: the
// certificate has to be for one of the hubs, HOST:PORT. Which of them does not
// matter, each is trusted as much as the others.
func pinned(pin []byte, hubs ...string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // what stands below is in its place
		VerifyConnection: func(s tls.ConnectionState) error {
			return checkPin(s.PeerCertificates, pin, hubs)
		},
	}
}

func isPinned(c *x509.Certificate, pin []byte) bool {
	return subtle.ConstantTimeCompare(pinOf(c), pin) == 1
}

// checkPin checks the certificates that a server has shown, its own first. One
// that has the pinned key proves nothing by being there: the server's own has
// to be signed with it.
func checkPin(chain []*x509.Certificate, pin []byte, hubs []string) error {
	if len(chain) == 0 {
		return errPin
	}
	if isPinned(chain[0], pin) {
		return nil
	}
	roots, between, found := x509.NewCertPool(), x509.NewCertPool(), false
	for _, c := range chain[1:] {
		if isPinned(c, pin) {
			roots.AddCert(c)
			found = true
		} else {
			between.AddCert(c)
		}
	}
	if !found {
		return errPin
	}
	err := errPin
	for _, h := range hubs {
		host, _, splitErr := net.SplitHostPort(h)
		if splitErr != nil {
			continue
		}
		_, wrong := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between})
		if wrong == nil {
			return nil
		}
		err = fmt.Errorf("%w (%v)", errPin, wrong)
	}
	return err
}
