package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// This file is the main hub's side of leaf hubs. A leaf hub is in the book like
// a member, under a name that no member can have, and has the rights of its
// site: it reads what is for its members, and says what they say.

// siteMark is in front of the name of a site in the book.
const siteMark = "site:"

// siteOf returns the site whose leaf hub has this name, or nothing if it is a
// member's.
func siteOf(name string) string {
	site, ok := strings.CutPrefix(name, siteMark)
	if !ok || CheckName(site) != nil {
		return ""
	}
	return site
}

// siteRights are those of a leaf hub. It can send in the name of those of its
// members only of which it has shown a grant; what it has to sign for that, it
// has not.
func siteRights(r record) *server.Permissions {
	at := token(siteOf(r.Name))
	read := []string{inboxOf(r.Name) + ".>", subjectRevoked}
	write := []string{prefix + "ack.*.*." + at + ".*"}
	for _, verb := range []string{verbHello, verbPending, verbMembers, verbAcks, verbReceipts, verbKeep, verbRevoked} {
		write = append(write, subjectRPC(verb, r.Name))
	}
	for _, kind := range []string{kindSend, kindAsk} {
		read = append(read, prefix+kind+".*.all", prefix+kind+".*.tag.*", prefix+kind+".*.host."+at+".*")
		for _, s := range r.Senders {
			write = append(write, prefix+kind+"."+token(s)+".>")
		}
	}
	for _, s := range r.Senders {
		read = append(read, prefix+"ack."+token(s)+".>")
	}
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: write}, Subscribe: &server.SubjectPermission{Allow: read},
		Response: &server.ResponsePermission{MaxMsgs: 1, Expires: siteWait}, // to what the main hub asks it
	}
}

// sites is what the main hub knows of the members of sites. It asks their leaf
// hubs whenever somebody asks it, and remembers the answer for the times when
// one is not connected.
type sites struct {
	hub  *Hub
	path string

	mu    sync.Mutex
	known map[string][]MemberInfo
	twice map[string]bool // SITE/NAME of those whose name another has: what the log has said
}

// sitesFile is in the hub's folder.
const sitesFile = "sites.json"

// siteWait is how long a leaf hub may take to list its members.
const siteWait = 3 * time.Second

func openSites(h *Hub, dir string) (*sites, error) {
	s := &sites{hub: h, path: filepath.Join(dir, sitesFile), known: map[string][]MemberInfo{}}
	if err := readJSON(s.path, &s.known); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	taken := map[string]string{}
	for name, list := range s.known {
		if _, there := h.book.named(siteMark + name); there {
			for _, m := range list {
				taken[m.Name] = name
			}
		}
	}
	h.book.setTaken(taken)
	return s, nil
}

// members lists those of all sites, but for names that are taken. Fresh asks
// the leaf hubs; else what they said last is enough.
func (s *sites) members(own, leaves []MemberInfo, fresh bool) (list []MemberInfo, infos []SiteInfo) {
	var asking sync.WaitGroup
	for _, l := range leaves {
		infos = append(infos, SiteInfo{siteOf(l.Name), l.Key})
		if fresh {
			asking.Go(func() { s.ask(l) })
		}
	}
	asking.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := map[string]string{}
	for _, m := range own {
		taken[m.Name] = site
	}
	others, twice := map[string]string{}, map[string]bool{}
	defer func() { s.twice = twice }()
	for _, i := range infos {
		for _, m := range s.known[i.Name] {
			if first := taken[m.Name]; first != "" {
				which := i.Name + "/" + m.Name
				if twice[which] = true; !s.twice[which] {
					s.hub.log.Warn("two members have the same name, and the second does not count", "name", m.Name, "at", first, "second", i.Name)
				}
				continue
			}
			taken[m.Name], others[m.Name] = i.Name, i.Name
			list = append(list, m)
		}
	}
	s.hub.book.setTaken(others)
	return list, infos
}

// ask asks a leaf hub who its members are. One that does not answer is not
// connected, and its members are not either.
func (s *sites) ask(l MemberInfo) {
	name := siteOf(l.Name)
	var list []MemberInfo
	err := errors.New("it is not connected")
	if l.Online {
		ctx, cancel := context.WithTimeout(context.Background(), siteWait)
		defer cancel()
		var t told
		t, err = allMembers(ask{}, func(q ask) (told, error) { return askHub(ctx, s.hub.conn, inboxOf(l.Name)+".members", q) })
		list = t.Members
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.known[name]
	if err != nil {
		s.hub.log.Debug("asking a site", "site", name, "error", err)
		list = slices.Clone(before)
		for i := range list {
			list[i].Online = false
		}
	}
	for i := range list { // what a leaf says is about its site
		list[i].Site, list[i].Grant = name, nil
	}
	s.known[name] = slices.DeleteFunc(list, func(m MemberInfo) bool { return CheckName(m.Name) != nil })
	same := func(x, y MemberInfo) bool {
		return x.Name == y.Name && x.Key == y.Key && x.Number == y.Number && slices.Equal(x.Tags, y.Tags)
	}
	if !slices.EqualFunc(before, s.known[name], same) {
		if err := writeJSON(s.path, s.known); err != nil {
			s.hub.log.Error("writing the members of sites", "error", err)
		}
	}
}

// fits returns whether hosts can be of a site.
func (s *sites) fits(site string) func(Hosts) bool {
	s.mu.Lock()
	list := s.known[site]
	s.mu.Unlock()
	return func(h Hosts) bool {
		return slices.ContainsFunc(h, isPattern) || slices.ContainsFunc(list, func(m MemberInfo) bool { return h.Match(m.Name, m.Tags) })
	}
}

// checkSite reports why no leaf hub can have this name.
func (h *Hub) checkSite(name string) error {
	switch {
	case h.config.Leaf != nil:
		return errors.New("this is the leaf hub of a site: make the token on the main hub")
	case name == site:
		return fmt.Errorf("%q is the main hub's own site", name)
	}
	return CheckName(name)
}

// senders looks at the grants that a leaf hub shows, and reports whether it may
// now send for others than before.
func (h *Hub) senders(r record, grants [][]byte) (_ record, anew bool, err error) {
	revoked, _ := openRevocations(h.book.getRevoked(), h.config.Org) // none is an empty list
	names := []string{}
	for _, data := range grants {
		g, err := OpenGrant(data, h.config.Org, time.Now())
		if err == nil {
			if _, taken := h.book.named(g.Name); taken {
				err = fmt.Errorf("%s is a member of this hub", g.Name)
			}
			if revoked.has(g.ID) || revoked.has(g.Key) {
				err = fmt.Errorf("the grant of %s is revoked", g.Name)
			}
		}
		if err != nil {
			h.log.Warn("a site shows a grant that does not count", "site", siteOf(r.Name), "reason", err)
			continue
		}
		names = append(names, g.Name)
	}
	slices.Sort(names)
	if slices.Equal(names, r.Senders) {
		return r, false, nil
	}
	r, err = h.book.change(r.Name, func(r *record) { r.Senders = names })
	return r, true, err
}

// keeping takes a message of a site's member into the store.
func (h *Hub) keeping(name string, a ask) (told, error) {
	r, _ := h.book.named(name)
	e, err := peek(a.Data)
	if err == nil && !slices.Contains(r.Senders, e.Sender) {
		err = fmt.Errorf("%q of that site may not send", e.Sender)
	}
	if err != nil {
		return told{}, err
	}
	return told{}, h.keep(e, a.Data)
}

// keep puts a message that another hub has kept into the store, and gives it to
// the members that are there. It is not on the subject of those that come live:
// it may be old.
func (h *Hub) keep(e Envelope, wire []byte) error {
	left := time.Until(e.Expires)
	if e.Message.Queue == 0 || left < time.Second || !isID(e.ID) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	ack, err := h.js.Publish(ctx, subjectKept+token(e.Sender)+"."+e.ID, wire, jetstream.WithMsgID(e.ID), jetstream.WithMsgTTL(left.Truncate(time.Second)))
	if err != nil {
		h.storeFails("keeping a message", err)
		return fmt.Errorf("keeping a message: %w", err)
	}
	if ack.Duplicate {
		return nil
	}
	members, _, err := h.own()
	for _, m := range members {
		if m.Online && e.Hosts.Match(m.Name, m.Tags) {
			err = errors.Join(err, h.conn.Publish(inboxOf(m.Name)+".kept", wire))
		}
	}
	return err
}

// receipts are what the members of a site have signed on a message, of which
// the sender has had a summary.
func (h *Hub) receipts(name string, a ask) (told, error) {
	if siteOf(name) != "" {
		r, _ := h.book.named(name)
		if !slices.Contains(r.Senders, a.Name) {
			return told{}, fmt.Errorf("%q of that site may not send", a.Name)
		}
		name = a.Name
	}
	q := ask{ID: a.ID, Name: name, Site: a.Site, Store: a.Store, After: a.After}
	if h.leaf != nil {
		return h.leaf.askMain(verbReceipts, q)
	}
	if _, known := h.book.named(siteMark + a.Site); !known || !isID(a.ID) {
		return told{}, fmt.Errorf("there is no message %q, or no site %q", a.ID, a.Site)
	}
	ctx, cancel := context.WithTimeout(context.Background(), hubTimeout)
	defer cancel()
	return askHub(ctx, h.conn, inboxOf(siteMark+a.Site)+".receipts", q)
}
