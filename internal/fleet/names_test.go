package fleet

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestSameName holds that the log says once that two members have the same name,
// whoever asks for the members how often.
func TestSameName(t *testing.T) {
	var log bytes.Buffer
	s := &sites{hub: &Hub{log: slog.New(slog.NewTextHandler(&log, nil)), book: newBook(t.TempDir())}, known: map[string][]MemberInfo{}}
	leaves := []MemberInfo{{Name: "site:berlin"}, {Name: "site:paris"}}
	said := func(names ...MemberInfo) int {
		s.known["berlin"], s.known["paris"] = names, names
		for range 3 {
			s.members([]MemberInfo{{Name: "lab-07"}}, leaves, false)
		}
		return strings.Count(log.String(), "two members have the same name")
	}
	expect(t, "at first", said(MemberInfo{Name: "lab-07"}), 2)
	expect(t, "when one is gone", said(), 2)
	expect(t, "when it is back", said(MemberInfo{Name: "lab-07"}), 4)
}

// TestGrantElsewhere holds that who gives a grant to a member of a site on the main
// hub is told where that is done.
func TestGrantElsewhere(t *testing.T) {
	org, orgPub := newOrg(t)
	h := &Hub{config: hubConfig{Org: orgPub}, book: newBook(t.TempDir())}
	h.book.setTaken(map[string]string{"lab-08": "berlin"})
	_, public := newUser(t)
	g := must(t, first(NewGrant(orgPub, "lab-08", public, nil, mustMay(t, "send, until 2100"), time.Now())), nil)
	_, err := h.granting("", ask{Name: "lab-08", Data: must1(g.Seal(org))})
	wantErr(t, "a grant", err, "is a member of site berlin: its leaf hub does that")
}

// TestFitsNobody holds that who sends to a list is told that nobody in it was sent to.
func TestFitsNobody(t *testing.T) {
	o := newOffice(t)
	boss := o.join("desk-1", person("desk-1", "1", "bob"))
	o.allow(boss, "send, broadcast")
	_, _, err := boss.say("desk-1,tag:nix", hello("x"))
	wantErr(t, "a list", err, `no member of the fleet fits "tag:nix"; nothing went to the others in the list either`)
	expect(t, "what is shown", boss.screen("1"), "")
}
