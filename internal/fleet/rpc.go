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
)

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
	ID      string    `json:"id,omitempty"`      // acks
	Name    string    `json:"name,omitempty"`    // tag, grant, remove
	Tags    []string  `json:"tags,omitempty"`    // tag
	Data    []byte    `json:"data,omitempty"`    // grant, revoked: what is sealed; empty takes the grant away
	Uses    int       `json:"uses,omitempty"`    // invite
	Until   time.Time `json:"until,omitzero"`    // invite
}

// told is the answer of the hub.
type told struct {
	Error   string       `json:"error,omitempty"`
	Tags    []string     `json:"tags,omitempty"`    // hello
	Grant   []byte       `json:"grant,omitempty"`   // hello
	Revoked []byte       `json:"revoked,omitempty"` // hello, members to administrators
	Items   []item       `json:"items,omitempty"`   // pending, acks
	Store   string       `json:"store,omitempty"`   // which store they are from
	After   uint64       `json:"after,omitempty"`   // where these end
	More    bool         `json:"more,omitempty"`    // ask again
	Members []MemberInfo `json:"members,omitempty"` // members
	Token   string       `json:"token,omitempty"`   // invite
	Now     time.Time    `json:"now,omitzero"`      // hello, members to administrators: the clock of the hub
}

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
	Grant   []byte    `json:"grant,omitempty"` // sealed; to administrators
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

// Member leaves out what only members need.
func (m MemberInfo) Member() msg.Member {
	return msg.Member{Name: m.Name, Tags: append([]string{}, m.Tags...), Online: m.Online, Seen: m.Seen, Version: m.Version}
}
