package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"msg"
)

// greeting is the first line of a server. No request begins like it, so that
// a terminal which echoes one is not taken for a msgd.
type greeting struct {
	Version int    `json:"msgd"`
	Host    string `json:"host"`
}

// greetingMark is how a greeting begins; it may stand behind a prompt.
const greetingMark = `{"msgd":`

// decodeGreeting looks for a greeting in a line. Another version's may have
// other fields, so only its number is read.
func decodeGreeting(line []byte) (g greeting, found bool, err error) {
	at := bytes.Index(line, []byte(greetingMark))
	if at < 0 {
		return greeting{}, false, nil
	}
	var v struct {
		Version int `json:"msgd"`
	}
	if json.Unmarshal(line[at:], &v) != nil {
		return greeting{}, false, nil
	}
	if v.Version != Version {
		return greeting{}, true, fmt.Errorf("%w: it is of version %d, this program speaks version %d", ErrVersion, v.Version, Version)
	}
	err = decode(line[at:], &g)
	return g, true, err
}

// reply is a line that answers: one of these.
type reply struct {
	Session *session    `json:"session,omitempty"`
	Receipt *receipt    `json:"receipt,omitempty"`
	Record  *record     `json:"record,omitempty"`
	DND     *msg.DND    `json:"dnd,omitempty"`
	Member  *msg.Member `json:"member,omitempty"`
	Reach   *msg.Reach  `json:"reach,omitempty"`
	Done    *done       `json:"done,omitempty"`
}

func decodeReply(line []byte) (reply, error) {
	var r reply
	if err := decode(line, &r); err != nil {
		return reply{}, err
	}
	kinds := 0
	for _, present := range []bool{r.Session != nil, r.Receipt != nil, r.Record != nil, r.DND != nil, r.Member != nil, r.Reach != nil, r.Done != nil} {
		if present {
			kinds++
		}
	}
	if kinds != 1 {
		return reply{}, fmt.Errorf("%w: it has %d replies instead of one", errLine, kinds)
	}
	return r, r.check()
}

func (r reply) check() error {
	switch {
	case r.Session != nil:
		return r.Session.check()
	case r.Receipt != nil:
		return r.Receipt.check()
	case r.Record != nil:
		return r.Record.check()
	case r.Member != nil && r.Member.Name == "":
		return fmt.Errorf("%w: a member without a name", errLine)
	case r.Done != nil:
		return r.Done.check()
	}
	return nil
}

// session is the form of msg.Session. That type reads what it does not know
// as well, which is right for scripts and not here.
type session struct {
	Host    string     `json:"host"`
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	User    string     `json:"user"`
	Account string     `json:"account,omitempty"`
	Kind    msg.Kind   `json:"kind"`
	State   msg.State  `json:"state"`
	Type    string     `json:"type"`
	Idle    *int64     `json:"idle_seconds"`
	Since   *time.Time `json:"since"`
	Source  string     `json:"source"`
	Console bool       `json:"console"`
	Own     bool       `json:"own"`
}

func sessionOf(s msg.Session) *session {
	w := &session{Host: s.Host, ID: s.ID, Name: s.Name, User: s.User, Account: s.Account, Kind: s.Kind, State: s.State,
		Type: s.Type, Source: s.Source, Console: s.Console, Own: s.Own}
	if s.Idle >= 0 {
		seconds := int64(s.Idle / time.Second)
		w.Idle = &seconds
	}
	if !s.Since.IsZero() {
		w.Since = &s.Since
	}
	return w
}

func (s *session) check() error {
	if err := s.value().Check(); err != nil {
		return fmt.Errorf("%w: %v", errLine, err)
	}
	if s.Idle != nil && (*s.Idle < 0 || *s.Idle > int64(math.MaxInt64/time.Second)) {
		return fmt.Errorf("%w: a session is idle for %d seconds", errLine, *s.Idle)
	}
	return nil
}

func (s *session) value() msg.Session {
	v := msg.Session{Host: s.Host, ID: s.ID, Name: s.Name, User: s.User, Account: s.Account, Kind: s.Kind, State: s.State,
		Type: s.Type, Idle: msg.IdleUnknown, Source: s.Source, Console: s.Console, Own: s.Own}
	if s.Idle != nil {
		v.Idle = time.Duration(*s.Idle) * time.Second
	}
	if s.Since != nil {
		v.Since = *s.Since
	}
	return v
}

// receipt is the form of msg.Receipt.
type receipt struct {
	Message string      `json:"message"`
	Session *session    `json:"session"`
	Outcome msg.Outcome `json:"outcome"`
	Answer  string      `json:"answer,omitempty"`
	Surface string      `json:"surface,omitempty"`
	Detail  string      `json:"detail,omitempty"`
	At      time.Time   `json:"at"`
	Final   bool        `json:"final"`
}

func receiptOf(r msg.Receipt) *receipt {
	return &receipt{r.Message, sessionOf(r.Session), r.Outcome, r.Answer, r.Surface, r.Detail, r.At, r.Final}
}

func (r *receipt) check() error {
	if r.Message == "" || r.Session == nil {
		return fmt.Errorf("%w: a receipt without a message or a session", errLine)
	}
	if err := r.Session.check(); err != nil {
		return err
	}
	if err := r.value().Check(); err != nil {
		return fmt.Errorf("%w: %v", errLine, err)
	}
	return nil
}

func (r *receipt) value() msg.Receipt {
	return msg.Receipt{Message: r.Message, Session: r.Session.value(), Outcome: r.Outcome, Answer: r.Answer,
		Surface: r.Surface, Detail: r.Detail, At: r.At, Final: r.Final}
}

// record is the form of msg.Record.
type record struct {
	Message  *msg.Message `json:"message"`
	Account  string       `json:"account"`
	To       []string     `json:"to"`
	Receipts []*receipt   `json:"receipts"`
	Refused  string       `json:"refused,omitempty"`
}

func recordOf(r msg.Record) *record {
	w := &record{&r.Message, r.Account, r.To, make([]*receipt, len(r.Receipts)), r.Refused}
	for i := range r.Receipts {
		w.Receipts[i] = receiptOf(r.Receipts[i])
	}
	if w.To == nil {
		w.To = []string{}
	}
	return w
}

func (r *record) check() error {
	if r.Message == nil || r.Message.ID == "" {
		return fmt.Errorf("%w: a record without a message", errLine)
	}
	for _, x := range r.Receipts {
		if x == nil {
			return fmt.Errorf("%w: a record with an empty receipt", errLine)
		}
		if err := x.check(); err != nil {
			return err
		}
	}
	return nil
}

func (r *record) value() msg.Record {
	v := msg.Record{Message: *r.Message, Account: r.Account, To: r.To, Refused: r.Refused}
	for _, x := range r.Receipts {
		v.Receipts = append(v.Receipts, x.value())
	}
	return v
}
