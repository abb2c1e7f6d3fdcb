package control

import (
	"encoding/json"
	"fmt"
	"strings"

	"msg"
)

// What can be asked for.
const (
	opSessions = "sessions"
	opSend     = "send"
	opAnswer   = "answer"
	opDND      = "dnd"
	opMessages = "messages"
	opMembers  = "members"
)

// Limits of what a request holds, beside those of package msg.
const (
	maxSelectors = 10000
	maxSelector  = 512 // bytes; matching takes time in proportion
	maxID        = 26  // of a message, see msg.NewID
	maxButton    = 64
	maxRecords   = 100000
)

// request is the line that asks.
type request struct {
	Version int          `json:"version"`
	Op      string       `json:"op"`
	To      []string     `json:"to,omitempty"`
	Message *msg.Message `json:"message,omitempty"`
	Answer  *msg.Answer  `json:"answer,omitempty"`
	DND     *msg.DND     `json:"dnd,omitempty"` // what it is to be; without it, what is it?
	ID      string       `json:"id,omitempty"`
	Limit   int          `json:"limit,omitempty"`

	// Hosts are members of the fleet of the msgd that is asked: the message, or
	// the question, is for them. Without it, it is for the computer itself.
	Hosts []string `json:"hosts,omitempty"`
}

// decodeRequest reads a request and checks everything that can be known
// without the service.
func decodeRequest(line []byte) (request, error) {
	var r request
	if err := decode(line, &r); err != nil {
		return request{}, otherVersion(line, err)
	}
	if r.Version != Version {
		return request{}, otherVersion(line, fmt.Errorf("%w: it has no version", errLine))
	}
	return r, r.check()
}

// otherVersion says so if a request is of another version, which may have
// fields that this one does not know; else it returns err.
func otherVersion(line []byte, err error) error {
	var v struct {
		Version *int `json:"version"`
	}
	if json.Unmarshal(line, &v) != nil || v.Version == nil || *v.Version == Version {
		return err
	}
	return fmt.Errorf("%w: the request is of version %d, this msgd speaks version %d", ErrVersion, *v.Version, Version)
}

func (r request) check() error {
	foreign := func(op string, present bool) bool { return present && r.Op != op }
	switch {
	case foreign(opSend, r.To != nil || r.Message != nil), foreign(opAnswer, r.Answer != nil),
		foreign(opDND, r.DND != nil), foreign(opMessages, r.ID != "" || r.Limit != 0):
		return fmt.Errorf("%w: a request %q has no such field", errLine, r.Op)
	case r.Hosts != nil && r.Op != opSend && r.Op != opSessions && r.Op != opMembers:
		return fmt.Errorf("%w: a request %q has no hosts", errLine, r.Op)
	case len(r.Hosts) > maxSelectors:
		return fmt.Errorf("%w: it has %d hosts, the limit is %d", errLine, len(r.Hosts), maxSelectors)
	}
	for _, h := range r.Hosts {
		if h == "" || len(h) > maxSelector {
			return fmt.Errorf("%w: a host has 1 to %d bytes, not %d", errLine, maxSelector, len(h))
		}
	}
	switch r.Op {
	case opSessions, opDND, opMembers:
		return nil
	case opSend:
		return r.checkSend()
	case opAnswer:
		if r.Answer == nil || len(r.Answer.Message) > maxID || len(r.Answer.Button) > maxButton {
			return fmt.Errorf("%w: it has no answer, or one that is too long", errLine)
		}
		return nil
	case opMessages:
		if len(r.ID) > maxID || r.Limit < 0 || r.Limit > maxRecords {
			return fmt.Errorf("%w: an ID has at most %d characters, a limit is 0 to %d", errLine, maxID, maxRecords)
		}
		return nil
	}
	return fmt.Errorf("%w: %q is not something to ask for", errLine, r.Op)
}

func (r request) checkSend() error {
	switch {
	case r.Message == nil || len(r.To) == 0:
		return fmt.Errorf("%w: a message and recipients are needed to send", errLine)
	case len(r.To) > maxSelectors:
		return fmt.Errorf("%w: it has %d recipients, the limit is %d", errLine, len(r.To), maxSelectors)
	case !isULID(r.Message.ID):
		return fmt.Errorf("%w: %q is not the ID of a message", errLine, r.Message.ID)
	}
	for _, s := range r.To {
		if s == "" || len(s) > maxSelector {
			return fmt.Errorf("%w: a recipient has 1 to %d bytes, not %d", errLine, maxSelector, len(s))
		}
	}
	return checkMessage(*r.Message)
}

// checkMessage is Message.Check and what Go's type does not say of buttons.
func checkMessage(m msg.Message) error {
	switch m.Buttons {
	case "", msg.ButtonsOK, msg.ButtonsOKCancel, msg.ButtonsYesNo, msg.ButtonsYesNoCancel, msg.ButtonsRetryCancel:
		return m.Check()
	}
	return fmt.Errorf("%w: there are no buttons %q", msg.ErrMessage, m.Buttons)
}

// isULID reports whether s is what msg.NewID makes: 26 characters, of which
// the first has three bits.
func isULID(s string) bool {
	return len(s) == maxID && s[0] <= '7' && strings.Trim(s, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}

// target is who is meant. The list was taken apart by the client: a comma is
// part of a name here.
func (r request) target() msg.Target {
	t := make(msg.Target, len(r.To))
	for i, s := range r.To {
		t[i] = msg.ParseSelector(s)
	}
	return t
}
