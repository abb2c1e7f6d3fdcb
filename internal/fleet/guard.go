package fleet

import (
	"encoding/base64"
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

// Check implements server.Authentication. A key has to sign the server's nonce;
// then it is a member's, or it comes with the secret of a join token.
func (g *guard) Check(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	if !proves(o.Nkey, o.Sig, c.GetNonce()) {
		g.refuse(o.Name, c, "it has no key, or another's")
		return false
	}
	switch o.Nkey {
	case g.own:
		c.RegisterUser(&server.User{Username: userHub})
		return true
	case g.admin:
		c.RegisterUser(&server.User{Username: userAdmin, Permissions: adminRights()})
		return true
	}
	r, known := g.book.find(o.Nkey)
	if !known {
		var err error
		if r, err = g.book.redeem(o.Token, o.Name, o.Nkey, time.Now()); err != nil {
			g.refuse(o.Name, c, err.Error())
			return false
		}
		g.log.Info("a member has joined", "name", r.Name, "address", c.RemoteAddress())
	}
	c.RegisterUser(&server.User{Username: r.Name, Permissions: rights(r)})
	return true
}

// refuse tells of a refusal, a few a second at most: anybody can cause them.
func (g *guard) refuse(name string, c server.ClientAuthentication, why string) {
	if g.lines.Allow() {
		g.log.Warn("a connection is refused", "name", name, "address", c.RemoteAddress(), "reason", why)
	}
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
