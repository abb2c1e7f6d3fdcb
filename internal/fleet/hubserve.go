package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// serve offers what members and administrators can ask for. Who asks is in the
// subject, as the guard has made sure.
func (h *Hub) serve() error {
	handlers := map[string]func(name string, a ask) (told, error){
		verbHello: h.hello, verbPending: h.pending, verbMembers: h.members, verbAcks: h.past,
	}
	_, err1 := h.conn.Subscribe(prefix+"rpc.*.*", func(m *nats.Msg) {
		parts := strings.Split(m.Subject, ".")
		name, _ := untoken(parts[4])
		h.answer(m, handlers[parts[3]], name)
	})
	admin := map[string]func(string, ask) (told, error){
		verbMembers: h.listing, verbInvite: h.inviting, verbTag: h.tagging, verbGrant: h.granting, verbRemove: h.removing, verbRevoked: h.revoking,
	}
	_, err2 := h.conn.Subscribe(prefix+"admin.*", func(m *nats.Msg) {
		h.answer(m, admin[strings.TrimPrefix(m.Subject, prefix+"admin.")], "")
	})
	_, err3 := h.conn.Subscribe(prefix+kindSend+".>", h.record)
	sub, err4 := h.conn.Subscribe(prefix+"ack.>", h.acks.take)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return fmt.Errorf("its services: %w", err)
	}
	return errors.Join(sub.SetPendingLimits(-1, -1), h.conn.Flush())
}

func (h *Hub) answer(m *nats.Msg, handle func(string, ask) (told, error), name string) {
	var a ask
	err := strict(m.Data, &a)
	var t told
	switch {
	case handle == nil:
		err = errors.New("it does not know this question; it may be older than the one who asks")
	case err == nil:
		t, err = handle(name, a)
	}
	if err != nil {
		t = told{Error: err.Error()}
	}
	b, err := json.Marshal(t)
	if err == nil {
		err = m.Respond(b)
	}
	if err != nil {
		h.log.Error("answering a member", "error", err)
	}
}

func (h *Hub) hello(name string, a ask) (told, error) {
	h.book.saw(name, a.Version, time.Now())
	r, known := h.book.named(name)
	if !known {
		return told{}, errors.New("not a member any more")
	}
	return told{Tags: r.Tags, Grant: r.Grant, Revoked: h.book.getRevoked()}, nil
}

// maxPage is how much is in one answer.
const maxPage = 1 << 20

// storeTimeout bounds the reading of a page.
const storeTimeout = 10 * time.Second

// pending is what is kept for a member that was not there. The hub looks at
// what nobody has checked: if it is wrong, the member finds out.
func (h *Hub) pending(name string, a ask) (told, error) {
	r, _ := h.book.named(name)
	now := time.Now()
	return h.page(h.msgs, prefix+kindSend+".>", a.After, func(i item) []item {
		e, err := peek(i.Data)
		if err == nil && e.Message.Queue > 0 && now.Before(e.Expires) && e.Hosts.Match(name, r.Tags) {
			return []item{i}
		}
		return nil
	})
}

// past is what came of a message.
func (h *Hub) past(name string, a ask) (told, error) {
	if !isID(a.ID) {
		return told{}, fmt.Errorf("%q is not the ID of a message", a.ID)
	}
	return h.page(h.audit, auditAcks(token(name), a.ID), a.After, func(i item) (list []item) {
		if err := json.Unmarshal(i.Data, &list); err != nil {
			h.log.Error("reading stream AUDIT", "error", err)
		}
		return list
	})
}

// page reads from a stream until the page is full.
func (h *Hub) page(s jetstream.Stream, subject string, after uint64, take func(item) []item) (told, error) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	t := told{After: after}
	for size := 0; size < maxPage; {
		m, err := s.GetMsg(ctx, t.After+1, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return t, nil
		}
		if err != nil {
			return told{}, fmt.Errorf("reading the store: %w", err)
		}
		t.After = m.Sequence
		for _, i := range take(item{m.Subject, m.Data}) {
			t.Items = append(t.Items, i)
			size += len(i.Data)
		}
	}
	t.More = true
	return t, nil
}

// members lists all, with who is connected.
func (h *Hub) members(string, ask) (told, error) {
	there := h.present()
	var t told
	for _, r := range h.book.all() {
		if there[r.Key] {
			r.Seen = time.Now().UTC()
		}
		t.Members = append(t.Members, MemberInfo{r.Name, r.Key, r.Tags, there[r.Key], r.Seen, r.Version, nil})
	}
	return t, nil
}

// listing is members for administrators.
func (h *Hub) listing(string, ask) (told, error) {
	t, err := h.members("", ask{})
	t.Revoked = h.book.getRevoked()
	for i, r := range h.book.all() {
		if i < len(t.Members) && t.Members[i].Name == r.Name {
			t.Members[i].Grant = r.Grant
		}
	}
	return t, err
}

func (h *Hub) inviting(_ string, a ask) (told, error) {
	if a.Uses < 1 || a.Uses > mostHosts || !time.Now().Before(a.Until) {
		return told{}, fmt.Errorf("a join token for %d computers until %v", a.Uses, a.Until)
	}
	secret, err := h.book.invite(a.Uses, a.Until)
	return told{Token: secret}, err
}

// maxTags is how many tags a member has at most; each is a subscription.
const maxTags = 32

func (h *Hub) tagging(_ string, a ask) (told, error) {
	if len(a.Tags) > maxTags {
		return told{}, fmt.Errorf("there are %d tags, the limit is %d", len(a.Tags), maxTags)
	}
	for _, tag := range a.Tags {
		if err := CheckName(tag); err != nil {
			return told{}, err
		}
	}
	r, err := h.book.change(a.Name, func(r *record) { r.Tags = slices.Compact(slices.Sorted(slices.Values(a.Tags))) })
	if err == nil {
		h.poke(r)
	}
	return told{}, err
}

// granting gives a member a grant, which the organisation has signed.
func (h *Hub) granting(_ string, a ask) (told, error) {
	if len(a.Data) > 0 {
		g, err := OpenGrant(a.Data, h.config.Org, time.Now())
		if err != nil {
			return told{}, err
		}
		if r, known := h.book.find(g.Key); !known || r.Name != a.Name || g.Name != a.Name {
			return told{}, fmt.Errorf("the grant is for %s, and not for the key of %s", g.Name, a.Name)
		}
	}
	r, err := h.book.change(a.Name, func(r *record) { r.Grant = a.Data })
	switch {
	case err != nil:
	case len(a.Data) > 0:
		h.poke(r)
	default: // what is taken away is gone at once
		h.kick(r)
	}
	return told{}, err
}

func (h *Hub) removing(_ string, a ask) (told, error) {
	r, err := h.book.remove(a.Name)
	if err == nil {
		h.log.Info("a member is revoked", "name", r.Name, "key", r.Key)
		h.kick(r)
	}
	return told{}, err
}

// revoking takes over a list that the organisation has signed, and tells all.
func (h *Hub) revoking(_ string, a ask) (told, error) {
	if err := h.checkRevoked(a.Data); err != nil {
		return told{}, err
	}
	if err := h.book.setRevoked(a.Data); err != nil {
		return told{}, err
	}
	return told{}, h.conn.Publish(subjectRevoked, a.Data)
}

func (h *Hub) checkRevoked(data []byte) error {
	next, err := openRevocations(data, h.config.Org)
	if err != nil {
		return err
	}
	before, err := openRevocations(h.book.getRevoked(), h.config.Org)
	if err == nil && next.Serial <= before.Serial {
		return fmt.Errorf("there is a list %d already, and this is %d: try again", before.Serial, next.Serial)
	}
	return nil
}

// record puts a message into stream AUDIT.
func (h *Hub) record(m *nats.Msg) {
	a, ok := parseAddress(m.Subject)
	if !ok {
		return
	}
	e, err := peek(m.Data)
	if err != nil || !isID(e.ID) {
		return
	}
	// The same message on several subjects is there once.
	if _, err := h.js.PublishAsync(subjectAudit+kindSend+"."+token(a.sender)+"."+e.ID, m.Data, jetstream.WithMsgID(e.ID)); err != nil {
		h.log.Error("writing stream AUDIT", "error", err)
	}
}

// Administrator asks the hub of a folder on this computer, with the key that
// is there.
type Administrator struct {
	dir    string
	config hubConfig
	conn   *nats.Conn
}

// OpenAdministrator connects to the hub of a folder, which has to run.
func OpenAdministrator(dir string) (*Administrator, error) {
	c, err := loadHub(dir)
	if err != nil {
		return nil, err
	}
	cert, err := loadCertificate(dir)
	if err != nil {
		return nil, err
	}
	key, err := LoadKey(filepath.Join(dir, adminFile))
	if err != nil {
		return nil, err
	}
	public, err := key.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("key of the administrator: %w", err)
	}
	conn, err := nats.Connect("nats://"+c.localHub(), nats.Secure(pinned(pinOf(cert.Leaf))), nats.TLSHandshakeFirst(),
		nats.Nkey(public, key.Sign), nats.CustomInboxPrefix(adminInbox), nats.Timeout(hubTimeout), nats.Name(userAdmin))
	if err != nil {
		return nil, fmt.Errorf("reaching the hub on %s: %w; it has to run: msgd hub serve", c.localHub(), err)
	}
	return &Administrator{dir, c, conn}, nil
}

// Close ends the connection.
func (a *Administrator) Close() { a.conn.Close() }

func (a *Administrator) ask(ctx context.Context, verb string, q ask) (told, error) {
	return askHub(ctx, a.conn, prefix+"admin."+verb, q)
}

// Members lists the members.
func (a *Administrator) Members(ctx context.Context) ([]MemberInfo, error) {
	t, err := a.ask(ctx, verbMembers, ask{})
	return t.Members, err
}

// Describe says what a member may do, and for whom.
func (a *Administrator) Describe(m MemberInfo) string {
	g, err := OpenGrant(m.Grant, a.config.Org, time.Now())
	if err != nil {
		return err.Error()
	}
	return strings.Join(append([]string{"root"}, g.For...), " and ") + ": " + g.May.String()
}

// Invite makes a join token for so many computers.
func (a *Administrator) Invite(ctx context.Context, uses int, until time.Time) (JoinToken, error) {
	t, err := a.ask(ctx, verbInvite, ask{Uses: uses, Until: until})
	if err != nil {
		return JoinToken{}, err
	}
	return joinToken(a.dir, t.Token)
}

// Tag gives a member these tags, in place of those it has.
func (a *Administrator) Tag(ctx context.Context, name string, tags []string) error {
	_, err := a.ask(ctx, verbTag, ask{Name: name, Tags: tags})
	return err
}

// Allow signs a grant for a member with the key of the organisation, and hands
// it out. It replaces the one that the member has.
func (a *Administrator) Allow(ctx context.Context, org nkeys.KeyPair, name string, speaksFor []string, may May) (Grant, error) {
	m, err := a.member(ctx, name)
	if err != nil {
		return Grant{}, err
	}
	g, err := NewGrant(a.config.Org, name, m.Key, speaksFor, may, time.Now())
	if err != nil {
		return Grant{}, err
	}
	data, err := g.Seal(org)
	if err != nil {
		return Grant{}, err
	}
	_, err = a.ask(ctx, verbGrant, ask{Name: name, Data: data})
	return g, err
}

func (a *Administrator) member(ctx context.Context, name string) (MemberInfo, error) {
	list, err := a.Members(ctx)
	if err != nil {
		return MemberInfo{}, err
	}
	for _, m := range list {
		if m.Name == name {
			return m, nil
		}
	}
	return MemberInfo{}, fmt.Errorf("%q is not a member: msgd members lists them", name)
}

// Revoke takes a member out of the book and ends its connections, or, with
// grantOnly, takes its grant away. Without the key of the organisation nothing
// is put on the list, and whoever knows a grant of it only ends to believe it
// when it expires.
func (a *Administrator) Revoke(ctx context.Context, org nkeys.KeyPair, name string, grantOnly bool) error {
	t, err := a.ask(ctx, verbMembers, ask{})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(t.Members, func(m MemberInfo) bool { return m.Name == name })
	if i < 0 {
		return fmt.Errorf("%q is not a member: msgd members lists them", name)
	}
	verb, keys := verbRemove, []string{t.Members[i].Key}
	if grantOnly {
		verb, keys = verbGrant, nil
	}
	if g, err := OpenGrant(t.Members[i].Grant, a.config.Org, time.Now()); err == nil {
		keys = append(keys, g.ID)
	}
	if _, err := a.ask(ctx, verb, ask{Name: name}); err != nil || org == nil || len(keys) == 0 {
		return err
	}
	before, _ := openRevocations(t.Revoked, a.config.Org) // none is an empty list
	data, err := before.With(a.config.Org, time.Now(), keys...).Seal(org)
	if err != nil {
		return err
	}
	_, err = a.ask(ctx, verbRevoked, ask{Data: data})
	return err
}
