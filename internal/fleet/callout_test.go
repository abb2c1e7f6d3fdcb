package fleet

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// asking is a server of a cluster that asks about a member.
type asking struct {
	t       testing.TB
	callout *callout
	server  nkeys.KeyPair
	id      string
	curve   nkeys.KeyPair
	xkey    string
	lab     nkeys.KeyPair
}

func newAsking(t testing.TB) *asking {
	a := &asking{t: t, server: first(nkeys.CreateServer()), curve: first(nkeys.CreateCurveKeys()), lab: first(nkeys.CreateUser())}
	a.id, a.xkey = first(a.server.PublicKey()), first(a.curve.PublicKey())
	b := newBook(t.TempDir())
	b.members["lab-07"] = &record{Name: "lab-07", Key: first(a.lab.PublicKey()), Tags: []string{"lab"}}
	b.byKey[first(a.lab.PublicKey())] = b.members["lab-07"]
	a.callout = &callout{guard: newGuard(b, hubConfig{}, "", quiet()), issuer: first(nkeys.CreateAccount()), seal: first(nkeys.CreateCurveKeys())}
	return a
}

// request is what a server would send, with something changed.
func (a *asking) request(change func(*jwt.AuthorizationRequestClaims)) []byte {
	user := first(first(nkeys.CreateUser()).PublicKey())
	r := jwt.NewAuthorizationRequestClaims(first(a.callout.issuer.PublicKey()))
	r.Audience, r.UserNkey = server.AuthRequestSubject, user
	r.Server = jwt.ServerID{Name: "nats1", ID: a.id, XKey: a.xkey}
	r.ClientInformation = jwt.ClientInformation{Host: "192.0.2.1", Nonce: "the nonce of this connection"}
	r.ConnectOptions = jwt.ConnectOptions{Nkey: first(a.lab.PublicKey()), Name: "lab-07",
		SignedNonce: base64.RawURLEncoding.EncodeToString(first(a.lab.Sign([]byte(r.ClientInformation.Nonce))))}
	r.Expires = time.Now().Add(time.Minute).Unix()
	if change != nil {
		change(r)
	}
	return []byte(first(r.Encode(a.server)))
}

// answer is what the callout says to it.
func (a *asking) answer(plain []byte) (*jwt.AuthorizationResponseClaims, error) {
	sealed := first(a.curve.Seal(plain, first(a.callout.seal.PublicKey())))
	b, err := a.callout.answer(a.xkey, sealed)
	if err != nil {
		return nil, err
	}
	opened := first(a.curve.Open(b, first(a.callout.seal.PublicKey())))
	return jwt.DecodeAuthorizationResponseClaims(string(opened))
}

// TestCallout holds who is let into a cluster, with what.
func TestCallout(t *testing.T) {
	a := newAsking(t)
	r, err := a.answer(a.request(nil))
	if err != nil || r.Error != "" {
		t.Fatalf("a member: %v, %+v", err, r)
	}
	u := must(t, first(jwt.DecodeUserClaims(r.Jwt)), nil)
	expect(t, "account", u.Audience, account)
	expect(t, "may publish", strings.Join(u.Pub.Allow, " "), strings.Join(rights(record{Name: "lab-07", Tags: []string{"lab"}, site: site}).Publish.Allow, " "))
	expect(t, "may subscribe", strings.Join(u.Sub.Allow, " "), strings.Join(rights(record{Name: "lab-07", Tags: []string{"lab"}, site: site}).Subscribe.Allow, " "))
	expect(t, "ways", u.AllowedConnectionTypes, jwt.StringList{"STANDARD", "WEBSOCKET"})

	for what, change := range map[string]func(*jwt.AuthorizationRequestClaims){
		"another nonce":       func(r *jwt.AuthorizationRequestClaims) { r.ClientInformation.Nonce = "another" },
		"no signature":        func(r *jwt.AuthorizationRequestClaims) { r.ConnectOptions.SignedNonce = "" },
		"a key of nobody":     func(r *jwt.AuthorizationRequestClaims) { r.ConnectOptions.Nkey = r.UserNkey },
		"a secret of nothing": func(r *jwt.AuthorizationRequestClaims) { a.callout.guard.book.byKey = map[string]*record{} },
	} {
		r, err := a.answer(a.request(change))
		if err != nil || r.Error == "" || r.Jwt != "" {
			t.Errorf("%s: %v, %+v", what, err, r)
		}
	}
	for what, change := range map[string]func(*jwt.AuthorizationRequestClaims){
		"another server":   func(r *jwt.AuthorizationRequestClaims) { r.Server.ID = "N" + r.UserNkey[1:] },
		"another curve":    func(r *jwt.AuthorizationRequestClaims) { r.Server.XKey = "" },
		"another audience": func(r *jwt.AuthorizationRequestClaims) { r.Audience = account },
	} {
		_, err := a.answer(a.request(change))
		wantErr(t, what, err, "is not of the server that it speaks of")
	}
	_, err = a.callout.answer(a.xkey, a.request(nil))
	wantErr(t, "not sealed", err, "cannot be opened")
	_, err = a.answer([]byte(u.Issuer))
	wantErr(t, "nonsense", err, "cannot be read")
}

// FuzzCallout holds that no request breaks the callout, and that none that was
// made up lets anybody in.
func FuzzCallout(f *testing.F) {
	a := newAsking(f)
	f.Add([]byte("eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.e30.x"))
	f.Add([]byte("..."))
	f.Add(a.request(func(r *jwt.AuthorizationRequestClaims) { r.ConnectOptions.SignedNonce = "" }))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, plain []byte) {
		if r, err := a.answer(plain); err == nil && r.Jwt != "" {
			t.Errorf("%q lets somebody in: %+v", plain, r)
		}
	})
}
