package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nkeys"

	"msg"
)

// Members lists the members of the fleet that these selectors mean; none means
// all of them. Only who may send may ask.
func (n *Node) Members(ctx context.Context, p msg.Principal, hosts []string) ([]MemberInfo, error) {
	if _, _, err := n.mayAsk(p); err != nil {
		return nil, err
	}
	t, err := n.fleet(ctx, ask{})
	if err != nil || len(hosts) == 0 {
		return t.Members, err
	}
	h, err := ParseHosts(hosts)
	return slices.DeleteFunc(t.Members, func(m MemberInfo) bool { return !h.Match(m.Name, m.Tags) }), err
}

var errNoHub = errors.New("the hub of the fleet cannot be reached")

// fleet asks for the members and the sites.
func (n *Node) fleet(ctx context.Context, q ask) (told, error) {
	n.mu.Lock()
	conn := n.conn
	n.mu.Unlock()
	if conn == nil || !conn.IsConnected() {
		return told{}, errNoHub
	}
	return allMembers(q, func(q ask) (told, error) { return askHub(ctx, conn, subjectRPC(verbMembers, n.config.Name), q) })
}

// resolve finds the members that are meant. A name that is nobody's is a target
// that fails; a pattern that fits nobody is an error.
func (n *Node) resolve(ctx context.Context, hosts Hosts, g Grant) ([]target, map[string]*sumUp, error) {
	t, err := n.roster(ctx)
	if err != nil {
		return nil, nil, err
	}
	var targets []target
	used := map[string]bool{}
	for _, m := range t.Members {
		if !hosts.Match(m.Name, m.Tags) {
			continue
		}
		if err := g.allowsHost(m.Name, m.Tags); err != nil {
			return nil, nil, err
		}
		targets = append(targets, n.pin(m))
		for _, s := range hosts {
			used[s] = used[s] || fits(s, m.Name, m.Tags)
		}
	}
	for _, s := range hosts {
		switch {
		case used[s]:
		case isPattern(s) && len(hosts) > 1:
			return nil, nil, fmt.Errorf("no member of the fleet fits %q; nothing went to the others in the list either", s)
		case isPattern(s):
			return nil, nil, fmt.Errorf("no member of the fleet fits %q", s)
		default:
			targets = append(targets, target{Name: s, State: stateFailed, Detail: "it is not a member of the fleet"})
		}
	}
	return targets, n.sitesOf(t.Sites, targets), n.savePins()
}

// pin makes a target of a member. Its key is that of the first time: another
// one counts only if the organisation has revoked the first.
func (n *Node) pin(m MemberInfo) target {
	t := target{Name: m.Name, Key: m.Key, Site: m.Site, Number: m.Number, State: stateWaiting}
	n.mu.Lock()
	defer n.mu.Unlock()
	first := n.state.Pins[m.Name]
	switch {
	case n.verifier.isRevoked(m.Key): // the hub may have been restored from a copy
		t.State, t.Detail = stateFailed, "its key is revoked, though the hub knows it as a member: msgd revoke it there once more"
		return t
	case !nkeys.IsValidPublicUserKey(m.Key), first != "" && first != m.Key && !n.verifier.isRevoked(first):
		t.State, t.Detail = stateFailed, "it has another key than before, and the first one was not revoked: somebody may be in its place"
		return t
	case first != m.Key:
		if n.state.Pins == nil {
			n.state.Pins = map[string]string{}
		}
		n.state.Pins[m.Name], n.pinned = m.Key, true
	}
	if err := n.pinNumber(m); err != nil {
		t.State, t.Detail = stateFailed, err.Error()
		return t
	}
	if !m.Online {
		t.State, t.Detail = stateAbsent, "it is not connected"
	}
	return t
}

// savePins writes down whom this member has not sent to before.
func (n *Node) savePins() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.pinned {
		return nil
	}
	return n.saveLocked()
}
