package fleet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Administrator asks the hub of a folder on this computer, with the key that
// is there.
type Administrator struct {
	dir    string
	config hubConfig
	conn   *nats.Conn
}

// OpenAdministrator connects to the hub of a folder, which has to run.
func OpenAdministrator(dir string) (*Administrator, error) { return openAdministrator(dir) }

// openAdministrator connects by some of the servers, or any if none is named.
func openAdministrator(dir string, servers ...string) (*Administrator, error) {
	c, err := loadHub(dir)
	if err != nil {
		return nil, err
	}
	pin, err := c.pin(dir)
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
	hubs := c.reached()
	if len(servers) == 0 {
		servers = hubs
	}
	conn, err := nats.Connect(urls(servers), nats.Secure(pinned(pin, hubs...)), nats.TLSHandshakeFirst(),
		nats.Nkey(public, key.Sign), nats.CustomInboxPrefix(adminInbox), nats.Timeout(hubTimeout), nats.Name(userAdmin))
	if err != nil {
		return nil, fmt.Errorf("reaching the hub on %s: %w; it has to run: msgd hub serve", strings.Join(servers, ","), plainly(err))
	}
	return &Administrator{dir, c, conn}, nil
}

// plainly puts words in place of those of the library.
func plainly(err error) error {
	switch {
	case errors.Is(err, nats.ErrNoServers):
		return errors.New("nobody answers")
	case errors.Is(err, nats.ErrAuthorization):
		return errors.New("it does not know the key of its administrator in this folder: another hub answers there")
	}
	return err
}

// Close ends the connection.
func (a *Administrator) Close() { a.conn.Close() }

func (a *Administrator) ask(ctx context.Context, verb string, q ask) (told, error) {
	return askHub(ctx, a.conn, prefix+"admin."+verb, q)
}

// Members lists the members.
func (a *Administrator) Members(ctx context.Context) ([]MemberInfo, error) {
	t, err := a.all(ctx)
	return t.Members, err
}

func (a *Administrator) all(ctx context.Context) (told, error) {
	return allMembers(ask{}, func(q ask) (told, error) { return a.ask(ctx, verbMembers, q) })
}

// Describe says what a member may do, and for whom.
func (a *Administrator) Describe(m MemberInfo) string {
	g, err := OpenGrant(m.Grant, a.config.Org, time.Now())
	if err != nil {
		return err.Error()
	}
	return g.Speakers() + ": " + g.May.String()
}

// Invite makes a join token for so many computers.
func (a *Administrator) Invite(ctx context.Context, uses int, until time.Time) (JoinToken, error) {
	return a.invite(ctx, ask{Uses: uses, Until: until})
}

// InviteSite makes a join token for the leaf hub of a site, and nothing else.
func (a *Administrator) InviteSite(ctx context.Context, site string, until time.Time) (JoinToken, error) {
	return a.invite(ctx, ask{Uses: 1, Until: until, Site: site})
}

func (a *Administrator) invite(ctx context.Context, q ask) (JoinToken, error) {
	t, err := a.ask(ctx, verbInvite, q)
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
// it out. It replaces the one that the member has, which is returned, and which
// is revoked unless the new one allows all that it did.
func (a *Administrator) Allow(ctx context.Context, org nkeys.KeyPair, name string, speaksFor []string, may May) (g Grant, before *Grant, err error) {
	if err := a.owns(org); err != nil {
		return Grant{}, nil, err
	}
	m, err := a.member(ctx, name)
	if err != nil {
		return Grant{}, nil, err
	}
	g, err = NewGrant(a.config.Org, name, m.Key, speaksFor, may, time.Now())
	if err != nil {
		return Grant{}, nil, err
	}
	data, err := g.Seal(org)
	if err != nil {
		return Grant{}, nil, err
	}
	if _, err = a.ask(ctx, verbGrant, ask{Name: name, Data: data}); err != nil {
		return Grant{}, nil, err
	}
	old, err := OpenGrant(m.Grant, a.config.Org, time.Now())
	if err != nil {
		return g, nil, nil //nolint:nilerr // there was none that counts
	}
	if g.covers(old) { // what was signed with it, and is kept, goes on
		return g, &old, nil
	}
	return g, &old, a.revokeAlso(ctx, org, old.ID)
}

// owns reports why a key is not that of this hub's organisation.
func (a *Administrator) owns(org nkeys.KeyPair) error {
	public, err := org.PublicKey()
	if err == nil && public != a.config.Org {
		err = fmt.Errorf("it is %s, and that of this hub's organisation is %s; nothing was changed", public, a.config.Org)
	}
	if err != nil {
		return fmt.Errorf("wrong key: %w", err)
	}
	return nil
}

// revokeAlso puts more on the list of what is revoked.
func (a *Administrator) revokeAlso(ctx context.Context, org nkeys.KeyPair, keys ...string) error {
	t, err := a.ask(ctx, verbMembers, ask{})
	if err != nil {
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
	return MemberInfo{}, notMember(name)
}

func notMember(name string) error {
	if _, host, found := strings.Cut(strings.TrimPrefix(name, "@"), "@"); found {
		return fmt.Errorf("%q is not a member: write the name of the computer, %s, alone", name, host)
	}
	return fmt.Errorf("%q is not a member: msgd members lists them", name)
}

// Revoke takes a member out of the book and ends its connections, or, with
// grantOnly, takes its grant away. Without the key of the organisation nothing
// is put on the list, and whoever knows a grant of it only ends to believe it
// when it expires; the next list has it, and so does the same once more with the
// key.
func (a *Administrator) Revoke(ctx context.Context, org nkeys.KeyPair, name string, grantOnly bool) error {
	if org != nil {
		if err := a.owns(org); err != nil { // before anything is done by halves
			return err
		}
	}
	t, err := a.all(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(t.Members, func(m MemberInfo) bool { return m.Name == name })
	switch {
	case i < 0 && org != nil && len(t.Removed) > 0: // without the key, before
		return a.revokeAlso(ctx, org, t.Removed...)
	case i < 0:
		return notMember(name)
	case grantOnly && len(t.Members[i].Grant) == 0 && (org == nil || len(t.Removed) == 0): // with the key, it may be the second time
		return fmt.Errorf("%s has no grant", name)
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
	return a.revokeAlso(ctx, org, append(keys, t.Removed...)...)
}
