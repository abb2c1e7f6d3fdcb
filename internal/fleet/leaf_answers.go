package fleet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// This file is what a leaf hub answers to the main hub and to its members.

// roster lists the site's members for the main hub.
func (l *leaf) roster(_ string, a ask) (told, error) {
	members, _, err := l.hub.own()
	return cutMembers(members, a.Name), err
}

// members lists the fleet for a member of the site. While the link is cut these
// are the site's, and the others as far as is remembered, not connected.
func (l *leaf) members(a ask) told {
	t, err := l.askMain(verbMembers, ask{Name: a.Name})
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.remember(t, a.Name == "")
		return t
	}
	l.hub.log.Debug("listing the fleet", "error", err)
	own, _, err := l.hub.own()
	if err != nil {
		l.hub.log.Error("listing the site", "error", err)
	}
	names := map[string]bool{}
	for _, m := range own {
		names[m.Name] = true
	}
	for _, m := range l.others {
		if !names[m.Name] {
			m.Online = false
			own = append(own, m)
		}
	}
	t = cutMembers(own, a.Name)
	t.Sites = l.sites
	return t
}

// remember remembers a page of the members of other sites; mu is held.
func (l *leaf) remember(t told, first bool) {
	if first {
		l.others, l.sites = nil, t.Sites
	}
	for _, m := range t.Members {
		if m.Site != l.site {
			l.others = append(l.others, m)
		}
	}
	if t.More {
		return
	}
	taken := map[string]string{}
	for _, m := range l.others {
		taken[m.Name] = m.Site
		if m.Site == "" {
			taken[m.Name] = site
		}
	}
	l.hub.book.setTaken(taken)
}

// signed are the reports of members on one message, as they have signed them.
func (l *leaf) signed(_ string, a ask) (told, error) {
	if !isID(a.ID) {
		return told{}, fmt.Errorf("%q is not the ID of a message", a.ID)
	}
	return l.hub.page(l.hub.audit, auditAcks(token(a.Name), a.ID), a, func(i item) (list []item) {
		if err := json.Unmarshal(i.Data, &list); err != nil {
			l.hub.log.Error("reading stream AUDIT", "error", err)
		}
		return slices.DeleteFunc(list, func(i item) bool { return !strings.Contains(i.Subject, "."+token(l.site)+".") })
	})
}
