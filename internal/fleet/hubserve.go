package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// serve offers what members and administrators can ask for. Who asks is in the
// subject, as the guard has made sure.
func (h *Hub) serve() error {
	handlers := map[string]func(name string, a ask) (told, error){
		verbHello: h.hello, verbPending: h.pending, verbMembers: h.members, verbAcks: h.past, verbReceipts: h.receipts,
		verbKeep: h.keeping, verbRevoked: h.revoking,
	}
	_, err1 := h.conn.Subscribe(prefix+"rpc.*.*", func(m *nats.Msg) {
		parts := strings.Split(m.Subject, ".")
		name, _ := untoken(parts[4])
		if parts[3] == verbMembers || parts[3] == verbReceipts { // which may have to ask other hubs
			go h.answer(m, handlers[parts[3]], name)
			return
		}
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
	if len(a.Data) > 0 && h.checkRevoked(a.Data) == nil { // a list that the organisation has signed, whoever has it
		h.log.Warn("a member knows a newer list of what is revoked than this hub, which takes it over", "name", name)
		if err := h.tellRevoked(a.Data); err != nil {
			return told{}, err
		}
	}
	r, known := h.book.named(name)
	if !known {
		return told{}, errors.New("not a member any more")
	}
	t := told{Tags: r.Tags, Grant: r.Grant, Revoked: h.book.getRevoked(), Now: time.Now().UTC(), Site: h.config.Site}
	if siteOf(name) != "" {
		var err error
		if r, t.Anew, err = h.senders(r, a.Grants); err != nil {
			return told{}, err
		}
		t.Senders = r.Senders
	}
	return t, nil
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
	fits := func(hosts Hosts) bool { return hosts.Match(name, r.Tags) }
	if siteOf(name) != "" {
		fits = h.sites.fits(siteOf(name))
	}
	return h.page(h.msgs, prefix+">", a, func(i item) []item {
		e, err := peek(i.Data)
		if err == nil && e.Message.Queue > 0 && now.Before(e.Expires) && fits(e.Hosts) {
			return []item{i}
		}
		return nil
	})
}

// past is what came of a message.
func (h *Hub) past(name string, a ask) (told, error) {
	id := a.ID
	if siteOf(name) != "" { // its leaf asks for all that its members have sent
		if r, _ := h.book.named(name); !slices.Contains(r.Senders, a.Name) {
			return told{}, fmt.Errorf("%q of that site may not send", a.Name)
		}
		name, id = a.Name, "*"
	} else if !isID(id) {
		return told{}, fmt.Errorf("%q is not the ID of a message", id)
	}
	return h.page(h.audit, auditAcks(token(name), id), a, func(i item) (list []item) {
		if err := json.Unmarshal(i.Data, &list); err != nil {
			h.log.Error("reading stream AUDIT", "error", err)
		}
		return list
	})
}

// page reads from a stream until the page is full. Who knows the numbers of
// another store, or of this one before an older copy took its place, is told
// everything.
func (h *Hub) page(s jetstream.Stream, subject string, a ask, take func(item) []item) (told, error) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	t := told{Store: s.CachedInfo().Created.UTC().Format(time.RFC3339Nano)}
	if a.Store == t.Store {
		t.After = a.After
	}
	for size := 0; size < maxPage; {
		m, err := s.GetMsg(ctx, t.After+1, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			if i, err := s.Info(ctx); err == nil && i.State.LastSeq < t.After {
				t.After = 0
				continue
			}
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

// own lists the members in the book, and the leaf hubs as sites, with who is
// connected.
func (h *Hub) own() (members []MemberInfo, leaves []MemberInfo, err error) {
	there, err := h.present()
	if err != nil {
		return nil, nil, err
	}
	for _, r := range h.book.all() {
		if there[r.Key] {
			r.Seen = time.Now().UTC()
		}
		m := MemberInfo{Name: r.Name, Key: r.Key, Tags: r.Tags, Online: there[r.Key], Seen: r.Seen, Version: r.Version, Site: h.config.Site, Number: r.Number}
		if siteOf(r.Name) != "" {
			leaves = append(leaves, m)
		} else {
			members = append(members, m)
		}
	}
	return members, leaves, nil
}

// members lists all, those of other sites too.
func (h *Hub) members(name string, a ask) (told, error) {
	if h.leaf != nil {
		return h.leaf.members(a).brief(a), nil
	}
	members, leaves, err := h.own()
	if err != nil {
		return told{}, err
	}
	others, sites := h.sites.members(members, leaves, a.Name == "")
	t := cutMembers(append(members, others...), a.Name)
	t.Sites = sites
	return t.brief(a), nil
}

// listing is members for administrators.
func (h *Hub) listing(_ string, a ask) (told, error) {
	members, leaves, err := h.own()
	if err != nil {
		return told{}, err
	}
	others, _ := h.sites.members(members, leaves, a.Name == "")
	t := cutMembers(slices.Concat(members, leaves, others), a.Name)
	t.Revoked, t.Now = h.book.getRevoked(), time.Now().UTC()
	if a.Name == "" {
		revoked, _ := openRevocations(t.Revoked, h.config.Org) // none is an empty list
		t.Removed = slices.DeleteFunc(h.book.takenAway(), revoked.has)
	}
	for i, m := range t.Members {
		if r, known := h.book.named(m.Name); known && r.Key == m.Key {
			t.Members[i].Grant = r.Grant
		}
	}
	return t, nil
}

// membersPage is how many members are in one answer.
const membersPage = 10_000

// cutMembers is the page of the list behind a name.
func cutMembers(list []MemberInfo, after string) (t told) {
	slices.SortFunc(list, func(x, y MemberInfo) int { return strings.Compare(x.Name, y.Name) })
	i, found := slices.BinarySearchFunc(list, after, func(m MemberInfo, name string) int { return strings.Compare(m.Name, name) })
	if found {
		i++
	}
	end := min(i+membersPage, len(list))
	return told{Members: list[i:end], More: end < len(list)}
}

func (h *Hub) inviting(_ string, a ask) (told, error) {
	if a.Uses < 1 || a.Uses > mostHosts || !time.Now().Before(a.Until) {
		return told{}, fmt.Errorf("a join token for %d computers until %v", a.Uses, a.Until)
	}
	if a.Site != "" {
		if err := h.checkSite(a.Site); err != nil {
			return told{}, err
		}
	}
	secret, err := h.book.addInvitation(&invitation{Left: a.Uses, Until: a.Until.UTC(), Site: a.Site})
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
		if err := h.book.has(a.Name); err != nil {
			return told{}, err
		}
		if r, known := h.book.find(g.Key); !known || r.Name != a.Name || g.Name != a.Name {
			return told{}, fmt.Errorf("the grant is for %s, and not for the key of %s", g.Name, a.Name)
		}
	}
	if len(a.Data) == 0 {
		return told{}, h.ungrant(a.Name)
	}
	r, err := h.book.change(a.Name, func(r *record) { r.Grant = a.Data })
	if err == nil {
		h.poke(r)
	}
	return told{}, err
}

// ungrant takes a grant away, at once.
func (h *Hub) ungrant(name string) error {
	r, known := h.book.named(name)
	g, err := OpenGrant(r.Grant, h.config.Org, time.Now())
	if known && err != nil { // nobody believes it
		_, err = h.book.change(name, func(r *record) { r.Grant = nil })
		return err
	}
	if r, err = h.book.ungrant(name, g.ID); err == nil {
		h.kick(r)
	}
	return err
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
	if h.leaf != nil { // the list is the main hub's
		if err := h.leaf.revoke(a.Data); err != nil {
			return told{}, fmt.Errorf("the main hub has not taken the list of what is revoked: %w", err)
		}
	}
	return told{}, h.tellRevoked(a.Data)
}

func (h *Hub) tellRevoked(data []byte) error {
	if err := h.book.setRevoked(data); err != nil {
		return err
	}
	return h.conn.Publish(subjectRevoked, data)
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
	h.busy.Store(true)
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

// Times of what stream AUDIT did not take: a cluster that has just lost a server
// has nobody for some seconds who could.
const (
	againAfter = time.Second
	againUntil = 5 * time.Minute
)

// headerSince is when stream AUDIT should have had a message, in Unix seconds.
const headerSince = "Msgd-Since"

// recordAgain is told of each message that stream AUDIT did not take. It is
// written once, however often that is tried.
func (h *Hub) recordAgain(js jetstream.JetStream, failed *nats.Msg, why error) {
	since, err := strconv.ParseInt(failed.Header.Get(headerSince), 10, 64)
	if err != nil { // the first time
		since = time.Now().Unix()
		h.storeFails("stream AUDIT does not take a message; it is tried again", why)
	}
	if h.conn.IsClosed() || time.Since(time.Unix(since, 0)) > againUntil {
		h.log.Error("writing stream AUDIT", "subject", failed.Subject, "error", why)
		return
	}
	m := &nats.Msg{Subject: failed.Subject, Data: failed.Data, Header: nats.Header{
		nats.MsgIdHdr: failed.Header[nats.MsgIdHdr], headerSince: {strconv.FormatInt(since, 10)}}}
	time.AfterFunc(againAfter, func() {
		if _, err := js.PublishMsgAsync(m); err != nil {
			h.log.Error("writing stream AUDIT", "subject", m.Subject, "error", err)
		}
	})
}
