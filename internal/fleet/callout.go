package fleet

import (
	"errors"
	"fmt"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// callout answers the servers of a cluster when somebody unknown connects
// (auth callout, ADR-26 of the NATS project). The guard decides, as it does for
// the embedded server; the answer is a user JWT that is good for this one
// connection, because its subject is a key that the server has made for it.
type callout struct {
	guard  *guard
	issuer nkeys.KeyPair
	seal   nkeys.KeyPair // a curve key: requests have secrets of join tokens in them
}

// serve answers one request.
func (c *callout) serve(m *nats.Msg) {
	b, err := c.answer(m.Header.Get(server.AuthRequestXKeyHeader), m.Data)
	if err == nil {
		err = m.Respond(b)
	}
	if err != nil {
		c.guard.log.Error("answering a server of the cluster who connects", "error", err)
	}
}

// answer decides about a request of the server whose curve key is given.
func (c *callout) answer(xkey string, data []byte) ([]byte, error) {
	plain, err := c.seal.Open(data, xkey)
	if err != nil {
		return nil, fmt.Errorf("a request cannot be opened: %w; is the xkey of %s in the configuration of that server?", err, ClusterFile)
	}
	r, err := jwt.DecodeAuthorizationRequestClaims(string(plain))
	if err != nil {
		return nil, fmt.Errorf("a request cannot be read: %w", err)
	}
	// It is signed by who has made it; a server signs with its ID.
	if r.Issuer != r.Server.ID || r.Audience != server.AuthRequestSubject || r.Server.XKey != xkey {
		return nil, errors.New("a request is not of the server that it speaks of")
	}
	a := jwt.NewAuthorizationResponseClaims(r.UserNkey)
	a.Audience = r.Server.ID
	o, i := r.ConnectOptions, r.ClientInformation
	_, rights, err := c.guard.admit(applicant{o.Nkey, o.SignedNonce, []byte(i.Nonce), o.Token, o.Name, i.Host})
	if err == nil {
		a.Jwt, err = c.user(r.UserNkey, rights)
	}
	if err != nil {
		a.Error = err.Error()
	}
	token, err := a.Encode(c.issuer)
	if err != nil {
		return nil, err
	}
	return c.seal.Seal([]byte(token), xkey)
}

// user is what a server lets somebody in with.
func (c *callout) user(key string, rights *server.Permissions) (string, error) {
	u := jwt.NewUserClaims(key)
	u.Audience = account
	u.AllowedConnectionTypes = jwt.StringList{jwt.ConnectionTypeStandard, jwt.ConnectionTypeWebsocket}
	u.Permissions.Pub.Allow = rights.Publish.Allow
	u.Permissions.Sub.Allow = rights.Subscribe.Allow
	if r := rights.Response; r != nil { // of a leaf hub
		u.Permissions.Resp = &jwt.ResponsePermission{MaxMsgs: r.MaxMsgs, Expires: r.Expires}
	}
	return u.Encode(c.issuer)
}
