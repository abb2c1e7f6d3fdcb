package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"msg"
)

// sumUp is what the sender of a message knows from a site that sums up.
type sumUp struct {
	Key     string   `json:"key"` // of its leaf hub
	Said    *Summary `json:"said,omitempty"`
	Fetched uint64   `json:"fetched,omitempty"` // serial of the summary that stood when the reports themselves were asked for
}

// site is where a target is.
func (t target) site() string {
	if t.Site == "" {
		return site
	}
	return t.Site
}

// pinSite remembers the key of a leaf hub, as pin does a member's. One that is
// another than before is not believed.
func (n *Node) pinSite(i SiteInfo) *sumUp {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state.Pins == nil {
		n.state.Pins = map[string]string{}
	}
	name := siteMark + i.Name
	if first := n.state.Pins[name]; first == "" || n.verifier.isRevoked(first) {
		n.state.Pins[name], n.pinned = i.Key, true
	}
	return &sumUp{Key: n.state.Pins[name]}
}

// pinNumber remembers which member of a site has a number, so that the hub
// cannot tell one for another in a summary; mu is held.
func (n *Node) pinNumber(m MemberInfo) error {
	if m.Site == "" {
		return nil
	}
	place := fmt.Sprintf("%s%s/%d", siteMark, m.Site, m.Number)
	switch before := n.state.Pins[place]; before {
	case m.Name:
	case "":
		n.state.Pins[place], n.pinned = m.Name, true
	default:
		return fmt.Errorf("it has the number at site %s that %s had before: somebody may be in its place", m.Site, before)
	}
	return nil
}

// summed is given each summary of what this member has sent.
func (n *Node) summed(s *sent, subject string, data []byte) {
	name := siteOfAck(subject)
	s.mu.Lock()
	var key string
	if u := s.Sites[name]; u != nil {
		key = u.Key
	}
	s.mu.Unlock()
	sum, err := openSummary(data, subject, n.config.Org, key)
	if err == nil && n.verifier.isRevoked(key) {
		err = fmt.Errorf("%w: the key of site %s is revoked", errProof, name)
	}
	if err != nil {
		n.log.Warn("a summary is refused", "id", s.ID, "site", name, "reason", err)
		n.local.Refuse(siteMark+name, s.ID, err.Error())
		return
	}
	if !s.newer(sum) {
		return
	}
	n.reported(sum.Exceptions) // which are as good as if they had come alone
	s.merge(sum)
}

// newer reports whether a summary says more than the one that is there.
func (s *sent) newer(sum Summary) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Sites[sum.Site].before(sum)
}

func (u *sumUp) before(sum Summary) bool {
	return u != nil && (u.Said == nil || u.Said.Serial < sum.Serial)
}

// merge takes a summary over, if it is news.
func (s *sent) merge(sum Summary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, kept := s.Sites[sum.Site], sum
	if !u.before(sum) {
		return
	}
	kept.Exceptions = nil // they are among the reports
	u.Said, s.dirty = &kept, true
	for i, t := range s.Targets {
		if t.Site == sum.Site && t.State != stateReached && sum.Reached.has(t.Number) {
			s.Targets[i].State, s.Targets[i].Detail = stateReached, ""
		}
	}
	s.tell()
}

// said is the summary that a target is in; nil if there is none. mu is held.
func (s *sent) said(t target) *Summary {
	if u := s.Sites[t.Site]; u != nil && u.Said != nil && u.Said.Reached.has(t.Number) {
		return u.Said
	}
	return nil
}

// doneBy reports whether nothing more will come from a target; mu is held.
func (s *sent) doneBy(t target) bool {
	sum := s.said(t)
	return s.Reports[t.Name].Done || sum != nil && sum.Done.has(t.Number)
}

// summary is the receipt of a target that only a summary knows of; mu is held.
func (s *sent) summary(t target, whole msg.Receipt) []msg.Receipt {
	sum := s.said(t)
	if sum == nil || sum.Nobody.has(t.Number) {
		return nil
	}
	whole.Outcome, whole.At, whole.Final = msg.OutcomeAccepted, sum.At, sum.Done.has(t.Number)
	whole.Detail = "site " + t.Site + " sums up; it has what this host has signed"
	switch {
	case sum.Failed.has(t.Number):
		whole.Outcome = msg.OutcomeFailed
	case sum.Answered.has(t.Number):
		whole.Outcome = msg.OutcomeAnswered
	case s.keptBy(t):
		whole.Outcome, whole.Final = msg.OutcomeQueued, true
	}
	return []msg.Receipt{whole}
}

// counts adds what the sites count; mu is held.
func (s *sent) counts(p *msg.Reach) {
	for _, u := range s.Sites {
		if u.Said == nil {
			continue
		}
		for o, n := range u.Said.Sessions {
			if o == msg.OutcomeQueued {
				p.Kept += n
				continue
			}
			p.Sessions += n
			if o == msg.OutcomeAnswered {
				p.Answered += n
			}
		}
	}
}

// Complete asks the sites that sum up for what their members have signed on the
// messages that an ID means, as far as p may know of them. What a site does not
// have, or does not give, stays as it was summed up, with an error.
func (n *Node) Complete(ctx context.Context, p msg.Principal, id string) error {
	var errs []error
	for _, s := range n.outbox.all() {
		if !s.isFor(p, id) {
			continue
		}
		s.mu.Lock()
		serials := map[string]uint64{}
		for name, u := range s.Sites {
			if u.Said != nil && u.Said.Serial > u.Fetched {
				serials[name] = u.Said.Serial
			}
		}
		s.mu.Unlock()
		for name, serial := range serials {
			if err := n.complete(ctx, s, name); err != nil {
				errs = append(errs, fmt.Errorf("asking site %s for what its members have signed: %w", name, err))
				continue
			}
			s.mu.Lock()
			s.Sites[name].Fetched = serial
			s.mu.Unlock()
		}
		errs = append(errs, n.outbox.flush(s))
	}
	return errors.Join(errs...)
}

func (n *Node) complete(ctx context.Context, s *sent, site string) error {
	n.mu.Lock()
	conn := n.conn
	n.mu.Unlock()
	if conn == nil || !conn.IsConnected() {
		return errNoHub
	}
	for q := (ask{ID: s.ID, Site: site}); ; {
		t, err := askHub(ctx, conn, subjectRPC(verbReceipts, n.config.Name), q)
		if err != nil {
			return err
		}
		n.reported(slices.DeleteFunc(t.Items, func(i item) bool {
			sender, id, host, ok := parseAck(i.Subject)
			return !ok || sender != n.config.Name || id != s.ID || host == relayHost
		}))
		if q.Store, q.After = t.Store, t.After; !t.More {
			return nil
		}
	}
}

// isFor reports whether an ID means a message, and p may know of it.
func (s *sent) isFor(p msg.Principal, id string) bool {
	return (id == "" || msg.IsID(id, s.ID)) && (p.Superuser || p.Account == s.By.Account && p.User == s.By.User)
}

// sitesOf are those sites that targets are at.
func (n *Node) sitesOf(infos []SiteInfo, targets []target) map[string]*sumUp {
	var sites map[string]*sumUp
	for _, i := range infos {
		if !slices.ContainsFunc(targets, func(t target) bool { return t.Site == i.Name }) {
			continue
		}
		if sites == nil {
			sites = map[string]*sumUp{}
		}
		sites[i.Name] = n.pinSite(i)
	}
	return sites
}
