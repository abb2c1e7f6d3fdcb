package fleet

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"golang.org/x/time/rate"
)

// guard decides who may connect to the hub, and what each may publish and
// subscribe to.
type guard struct {
	book  *book
	admin string // public key of the administrator
	own   string // public key of the hub's own connection
	log   *slog.Logger
	lines *rate.Limiter // of the log, that strangers can cause
}

// Users that are not members; no member can be called so.
const (
	userAdmin = "*admin"
	userHub   = "*hub"
)

// Check implements server.Authentication for the nats-server in this process.
func (g *guard) Check(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	name, rights, err := g.admit(applicant{o.Nkey, o.Sig, c.GetNonce(), o.Token, o.Name, fmt.Sprint(c.RemoteAddress())})
	if err != nil {
		return false
	}
	c.RegisterUser(&server.User{Username: name, Permissions: rights})
	return true
}

// applicant is somebody who wants to connect.
type applicant struct {
	key, sig      string
	nonce         []byte // that the server wanted to have signed
	secret        string // of a join token
	name, address string // as it says, and from where
}

// admit decides: a key has to sign the server's nonce; then it is a member's,
// or it comes with the secret of a join token. Rights that are nil are all.
func (g *guard) admit(a applicant) (name string, p *server.Permissions, err error) {
	if !proves(a.key, a.sig, a.nonce) {
		return "", nil, g.refuse(a, errors.New("it has no key, or another's"))
	}
	switch a.key {
	case g.own:
		return userHub, nil, nil
	case g.admin:
		return userAdmin, adminRights(), nil
	}
	r, known := g.book.find(a.key)
	if !known {
		if r, err = g.book.redeem(a.secret, a.name, a.key, time.Now()); err != nil {
			return "", nil, g.refuse(a, err)
		}
		g.log.Info("a member has joined", "name", r.Name, "address", a.address)
	}
	if g.book.came != nil {
		g.book.came()
	}
	return r.Name, rights(r), nil
}

// refuse tells of a refusal, a few a second at most: anybody can cause them.
func (g *guard) refuse(a applicant, why error) error {
	if g.lines.Allow() {
		g.log.Warn("a connection is refused", "name", a.name, "address", a.address, "reason", why)
	}
	return why
}

func proves(key, sig string, nonce []byte) bool {
	public, err := nkeys.FromPublicKey(key)
	if err != nil || !nkeys.IsValidPublicUserKey(key) {
		return false
	}
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	return err == nil && public.Verify(nonce, raw) == nil
}

// rights are those of a member: it reads what is sent to it, and says what came
// of it. With a grant it may also send, in its own name.
func rights(r record) *server.Permissions {
	if siteOf(r.Name) != "" {
		return siteRights(r)
	}
	me, site := token(r.Name), token(r.site)
	read := []string{inboxOf(r.Name) + ".>", subjectRevoked}
	write := []string{prefix + "ack.*.*." + site + "." + me, subjectRPC(verbHello, r.Name), subjectRPC(verbPending, r.Name)}
	for _, kind := range []string{kindSend, kindAsk} {
		read = append(read, prefix+kind+".*.all", prefix+kind+".*.host."+site+"."+me)
		for _, tag := range r.Tags {
			read = append(read, prefix+kind+".*.tag."+token(tag))
		}
		if r.Grant != nil {
			write = append(write, prefix+kind+"."+me+".>")
		}
	}
	if r.Grant != nil {
		read = append(read, prefix+"ack."+me+".>")
		write = append(write, subjectRPC(verbMembers, r.Name), subjectRPC(verbAcks, r.Name), subjectRPC(verbReceipts, r.Name))
	}
	return &server.Permissions{Publish: &server.SubjectPermission{Allow: write}, Subscribe: &server.SubjectPermission{Allow: read}}
}

func adminRights() *server.Permissions {
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{prefix + "admin.*"}},
		Subscribe: &server.SubjectPermission{Allow: []string{adminInbox + ".>"}},
	}
}

// adminInbox is where the answers to an administrator go.
const adminInbox = "_INBOX.=2Aadmin"
