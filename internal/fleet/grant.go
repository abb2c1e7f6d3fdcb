package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"msg"
)

// Action is what a grant allows.
type Action string

// The actions.
const (
	ActionSend      Action = "send"      // to people who are named
	ActionBroadcast Action = "broadcast" // to whoever fits a pattern: * or adm*
	ActionQuery     Action = "query"     // to ask who is signed in
)

// May is what somebody may do. ParseMay reads it and String writes it.
type May struct {
	Actions []Action  `json:"actions"`
	To      Hosts     `json:"to"`
	Hosts   int       `json:"hosts"` // the most that one message may be for
	Rate    int       `json:"rate"`  // messages a minute
	Until   time.Time `json:"until"`
}

// Grant is the organisation's word that a member may send: what the signature
// of an envelope is worth.
type Grant struct {
	ID     string    `json:"id"`
	Org    string    `json:"org"`           // public key of the organisation
	Name   string    `json:"name"`          // of the member
	Key    string    `json:"key"`           // its public key
	For    []string  `json:"for,omitempty"` // for whom it may speak beside its superuser: users, @groups, "*"
	May    May       `json:"may"`
	Issued time.Time `json:"issued"`
}

func (g *Grant) times() []time.Time { return []time.Time{g.May.Until, g.Issued} }

// NewGrant makes a grant that is not signed yet.
func NewGrant(org, name, key string, speaksFor []string, may May, now time.Time) (Grant, error) {
	g := Grant{ID: msg.NewID(now), Org: org, Name: name, Key: key, For: speaksFor, May: may, Issued: now.UTC().Truncate(time.Second)}
	return g, g.check(now)
}

// Seal signs a grant with the key of the organisation.
func (g Grant) Seal(org nkeys.KeyPair) ([]byte, error) { return seal(org, domainGrant, g, nil) }

// OpenGrant checks a sealed grant against the key of the organisation.
func OpenGrant(data []byte, org string, now time.Time) (Grant, error) {
	var g Grant
	s, err := parseSealed(data)
	if err == nil {
		err = s.unseal(org, domainGrant, &g)
	}
	switch {
	case err != nil:
		return Grant{}, fmt.Errorf("the grant is %w", err)
	case g.Org != org:
		return Grant{}, fmt.Errorf("the grant is %w: it is of another organisation", errProof)
	}
	return g, g.check(now)
}

func (g Grant) check(now time.Time) error {
	switch {
	case !nkeys.IsValidPublicUserKey(g.Key):
		return fmt.Errorf("the grant has no key of a member")
	case !now.Before(g.May.Until):
		return fmt.Errorf("the grant of %s has expired on %s", g.Name, g.May.Until.Format(time.DateOnly))
	case g.Issued.After(now.Add(maxSkew)):
		return fmt.Errorf("the grant of %s is from the future: compare the clocks", g.Name)
	}
	if err := CheckName(g.Name); err != nil {
		return err
	}
	return g.May.check()
}

// allows reports why an action for so many members is not allowed.
func (g Grant) allows(a Action, hosts int) error {
	switch {
	case !slices.Contains(g.May.Actions, a):
		return fmt.Errorf("%w: the grant of %s does not allow to %s", msg.ErrRefused, g.Name, a)
	case hosts > g.May.Hosts:
		return fmt.Errorf("%w: it is for %d hosts, and the grant of %s is for %d", msg.ErrRefused, hosts, g.Name, g.May.Hosts)
	}
	return nil
}

// Speakers are those for whom the member may speak, in words.
func (g Grant) Speakers() string { return strings.Join(append([]string{"root"}, g.For...), " and ") }

// covers reports whether a grant allows all that an older one of the member does.
func (g Grant) covers(old Grant) bool {
	within := func(all, some []string) bool {
		return slices.Contains(all, "*") || !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
	}
	for _, a := range old.May.Actions {
		if !slices.Contains(g.May.Actions, a) {
			return false
		}
	}
	return g.Key == old.Key && within(g.For, old.For) && within(g.May.To, old.May.To) &&
		g.May.Hosts >= old.May.Hosts && g.May.Rate >= old.May.Rate && !g.May.Until.Before(old.May.Until)
}

// allowsHost reports why a member may not be sent to.
func (g Grant) allowsHost(name string, tags []string) error {
	if !g.May.To.Match(name, tags) {
		return fmt.Errorf("%w: the grant of %s is not for host %s", msg.ErrRefused, g.Name, name)
	}
	return nil
}

// speaksFor reports whether the member may speak for an account on it.
func (g Grant) speaksFor(p msg.Principal, inGroup func(user, group string) bool) bool {
	return p.Superuser || slices.ContainsFunc(g.For, func(who string) bool {
		if len(who) > 1 && who[0] == '@' {
			return inGroup(p.User, who[1:])
		}
		return who == "*" || who == p.User
	})
}

// actionOf is what a message to these people needs.
func actionOf(t msg.Target) Action {
	if t.Broadcast() {
		return ActionBroadcast
	}
	return ActionSend
}
