package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"msg"
)

// Verbs of what members ask the hub.
const (
	verbHello   = "hello"   // who am I, and what is revoked?
	verbPending = "pending" // what came while I was away?
	verbMembers = "members" // who is there?
	verbAcks    = "acks"    // what came of my message while I was away?

	verbReceipts = "receipts" // what did the members of a site sign, that it sums up?
)

// Verbs of leaf hubs, beside those of members and verbRevoked.
const verbKeep = "keep" // keep this for members that are off

// Verbs of administrators, beside verbMembers.
const (
	verbInvite  = "invite"
	verbTag     = "tag"
	verbGrant   = "grant"
	verbRemove  = "remove"
	verbRevoked = "revoked"
)

// ask is a question to the hub; each verb has its own fields.
type ask struct {
	Version string    `json:"version,omitempty"` // hello
	Store   string    `json:"store,omitempty"`   // pending, acks: of which store the next is
	After   uint64    `json:"after,omitempty"`   // pending, acks: what is known already
	ID      string    `json:"id,omitempty"`      // acks, receipts
	Name    string    `json:"name,omitempty"`    // tag, grant, remove; members: after this one; acks, receipts of a leaf: the sender
	Tags    []string  `json:"tags,omitempty"`    // tag
	Data    []byte    `json:"data,omitempty"`    // grant, revoked, keep: what is sealed; empty takes the grant away; hello: what is revoked, if the hub has an older list
	Uses    int       `json:"uses,omitempty"`    // invite
	Until   time.Time `json:"until,omitzero"`    // invite
	Site    string    `json:"site,omitempty"`    // invite, receipts
	Grants  [][]byte  `json:"grants,omitempty"`  // hello of a leaf: of its members
	Digest  []byte    `json:"digest,omitempty"`  // members: of the list that is known; see digestOf
}

// told is the answer of the hub.
type told struct {
	Error   string       `json:"error,omitempty"`
	Tags    []string     `json:"tags,omitempty"`    // hello
	Grant   []byte       `json:"grant,omitempty"`   // hello
	Revoked []byte       `json:"revoked,omitempty"` // hello, members to administrators
	Removed []string     `json:"removed,omitempty"` // members to administrators: what should be on that list and is not
	Items   []item       `json:"items,omitempty"`   // pending, acks
	Store   string       `json:"store,omitempty"`   // which store they are from
	After   uint64       `json:"after,omitempty"`   // where these end
	More    bool         `json:"more,omitempty"`    // ask again
	Site    string       `json:"site,omitempty"`    // hello, if it is not the main hub's
	Senders []string     `json:"senders,omitempty"` // hello to a leaf: whose grants count
	Anew    bool         `json:"anew,omitempty"`    // hello to a leaf: its rights are others now, if it connects anew
	Sites   []SiteInfo   `json:"sites,omitempty"`   // members
	Members []MemberInfo `json:"members,omitempty"` // members
	Digest  []byte       `json:"digest,omitempty"`  // members, if they have one page
	Online  bitmap       `json:"online,omitempty"`  // members, in the place of a list with that digest that is known: by place
	Token   string       `json:"token,omitempty"`   // invite
	Now     time.Time    `json:"now,omitzero"`      // hello, members to administrators: the clock of the hub
}

// position is how far a stream has been looked at, and which one it was.
type position struct {
	Store string `json:"store"`
	After uint64 `json:"after"`
}

func (p position) ask() ask { return ask{Store: p.Store, After: p.After} }

func (t told) position() position { return position{t.Store, t.After} }

// item is a message as it came.
type item struct {
	Subject string `json:"subject"`
	Data    []byte `json:"data"`
}

// MemberInfo is what the hub knows of a member.
type MemberInfo struct {
	Name    string    `json:"name"`
	Key     string    `json:"key"`
	Tags    []string  `json:"tags"`
	Online  bool      `json:"online"`
	Seen    time.Time `json:"seen"`
	Version string    `json:"version"`
	Grant   []byte    `json:"grant,omitempty"`  // sealed; to administrators
	Site    string    `json:"site,omitempty"`   // of its leaf hub
	Number  int       `json:"number,omitempty"` // there
}

// SiteInfo is what the hub knows of a site with a leaf hub.
type SiteInfo struct {
	Name string `json:"name"`
	Key  string `json:"key"` // of its leaf hub, which signs summaries
}

// hubTimeout bounds a question to the hub.
const hubTimeout = 5 * time.Second

// askHub asks the hub something.
func askHub(ctx context.Context, conn *nats.Conn, subject string, a ask) (told, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return told{}, fmt.Errorf("asking the hub: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, hubTimeout)
	defer cancel()
	m, err := conn.RequestWithContext(ctx, subject, b)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return told{}, errors.New("asking the hub: it does not serve yet; try again")
	case err != nil:
		return told{}, fmt.Errorf("asking the hub: %w", err)
	}
	var t told
	if err := json.Unmarshal(m.Data, &t); err != nil {
		return told{}, fmt.Errorf("asking the hub: its answer cannot be read: %v", err)
	}
	if t.Error != "" {
		return told{}, errors.New("the hub: " + t.Error)
	}
	return t, nil
}

// allMembers asks for the members page by page, q first.
func allMembers(q ask, question func(ask) (told, error)) (all told, err error) {
	for {
		t, err := question(q)
		if err != nil {
			return told{}, err
		}
		if q.Name == "" {
			all = t
		} else {
			all.Members = append(all.Members, t.Members...)
		}
		if !t.More || len(t.Members) == 0 {
			return all, nil
		}
		q.Name = t.Members[len(t.Members)-1].Name
	}
}

// Member leaves out what only members need.
func (m MemberInfo) Member() msg.Member {
	return msg.Member{Name: m.Name, Tags: append([]string{}, m.Tags...), Online: m.Online, Seen: m.Seen, Version: m.Version, Site: m.Site}
}
