package fleet

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nkeys"

	"msg"
)

// Envelope is what a member signs: a message with whom it is for, or a
// question who is signed in.
type Envelope struct {
	ID      string      `json:"id"`
	Op      string      `json:"op"` // opSend or opSessions
	Org     string      `json:"org"`
	Sender  string      `json:"sender"` // name of the member
	From    string      `json:"from"`   // account there
	Hosts   Hosts       `json:"hosts"`
	Count   int         `json:"count"`        // members that this is, as the sender has counted them
	To      []string    `json:"to,omitempty"` // selectors of people
	Message msg.Message `json:"message"`
	Issued  time.Time   `json:"issued"`
	Expires time.Time   `json:"expires"`

	// Again is when its sender has sent it again, to whoever had said nothing.
	// Each copy has its own, and so is no replay of another.
	Again time.Time `json:"again,omitzero"`
}

func (e *Envelope) times() []time.Time {
	return []time.Time{e.Message.Sent, e.Issued, e.Expires, e.Again}
}

// What is asked for.
const (
	opSend     = "send"
	opSessions = "sessions"
)

// kind is the subject that an envelope belongs on.
func (e Envelope) kind() string {
	if e.Op == opSessions {
		return kindAsk
	}
	return kindSend
}

// action is what its grant has to allow.
func (e Envelope) action() Action {
	if e.Op == opSessions {
		return ActionQuery
	}
	return actionOf(e.target())
}

func (e Envelope) target() msg.Target {
	t := make(msg.Target, len(e.To))
	for i, s := range e.To {
		t[i] = msg.ParseSelector(s)
	}
	return t
}

// check is about the form.
func (e Envelope) check() error {
	switch {
	case e.Op != opSend && e.Op != opSessions:
		return fmt.Errorf("it asks for %q, which there is not", e.Op)
	case !isID(e.ID):
		return fmt.Errorf("%q is not the ID of a message", e.ID)
	case e.Op == opSend && (e.Message.ID != e.ID || len(e.To) == 0):
		return fmt.Errorf("it has no message, or is for nobody")
	case slices.Contains(e.To, ""):
		return fmt.Errorf("one of its recipients is empty")
	case e.From == "" || len(e.From) > maxName:
		return fmt.Errorf("it does not say who sends it")
	case e.Expires.Sub(e.Issued) <= 0 || e.Expires.Sub(e.Issued) > maxLife+maxSkew:
		return fmt.Errorf("it is valid from %v to %v", e.Issued, e.Expires)
	}
	if !e.Again.IsZero() && !e.Again.After(e.Issued) {
		return fmt.Errorf("it was sent again at %v, and is of %v", e.Again, e.Issued)
	}
	if err := e.Hosts.check(); err != nil || e.Op == opSessions {
		return err
	}
	return e.Message.Check()
}

// isID reports whether an ID is a ULID as msg.NewID writes it.
func isID(id string) bool {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	return len(id) == 26 && id[0] <= '7' && !slices.ContainsFunc([]byte(id), func(c byte) bool {
		return !slices.Contains([]byte(alphabet), c)
	})
}

// life is how long a message matters: as long as it is shown, or kept.
func life(m msg.Message) time.Duration { return min(max(onScreen(m), m.Queue), maxLife) }

// onScreen is how long a message stays on a screen, at most.
func onScreen(m msg.Message) time.Duration {
	if m.Timeout == 0 {
		return untilAnswered
	}
	return m.Timeout
}

// over is when nothing that comes of it can come any more: what was kept may be
// shown in the last moment.
func (e Envelope) over() time.Time {
	end := e.Expires.Add(lateAnswer)
	if e.Message.Queue > 0 && e.Message.Wait {
		end = end.Add(onScreen(e.Message))
	}
	return end
}

// Seal signs the envelope; grant is the sealed grant of the signer.
func (e Envelope) Seal(key nkeys.KeyPair, grant []byte) ([]byte, error) {
	return seal(key, domainEnvelope, e, grant)
}

// peek reads what nobody has checked: for the hub, which has no say in it, and
// for lines that say what was refused.
func peek(wire []byte) (Envelope, error) {
	var e Envelope
	s, err := parseSealed(wire)
	if err == nil {
		err = decode(s.Body, &e)
	}
	return e, err
}

// verifier checks envelopes against the key of the organisation. Grants are
// checked once, as long as they are used.
type verifier struct {
	org string

	mu      sync.Mutex
	grants  map[[sha256.Size]byte]Grant
	revoked Revocations
}

// maxGrants is how many grants are remembered.
const maxGrants = 1000

func newVerifier(org string) *verifier {
	return &verifier{org: org, grants: map[[sha256.Size]byte]Grant{}}
}

// open checks who has signed and whether that may do it at all. Whether it is
// for this computer, and now, is asked next.
func (v *verifier) open(wire []byte, now time.Time) (Envelope, Grant, error) {
	s, err := parseSealed(wire)
	if err != nil {
		return Envelope{}, Grant{}, err
	}
	g, err := v.grant(s.Grant, now)
	if err != nil {
		return Envelope{}, Grant{}, err
	}
	var e Envelope
	if err := s.unseal(g.Key, domainEnvelope, &e); err != nil {
		return Envelope{}, Grant{}, err
	}
	if err := e.check(); err != nil {
		return e, g, err
	}
	if e.Org != v.org || e.Sender != g.Name {
		return e, g, fmt.Errorf("%w: it is from %s of another organisation, or with the grant of another member (%s)", errProof, e.Sender, g.Name)
	}
	return e, g, g.allows(e.action(), e.Count)
}

func (v *verifier) grant(data []byte, now time.Time) (Grant, error) {
	key := sha256.Sum256(data)
	v.mu.Lock()
	defer v.mu.Unlock()
	g, known := v.grants[key]
	if !known {
		var err error
		if g, err = OpenGrant(data, v.org, now); err != nil {
			return Grant{}, err
		}
		if len(v.grants) >= maxGrants {
			clear(v.grants)
		}
		v.grants[key] = g
	}
	if v.revoked.has(g.ID) || v.revoked.has(g.Key) {
		return Grant{}, fmt.Errorf("%w: the grant of %s is revoked", msg.ErrRefused, g.Name)
	}
	return g, g.check(now)
}

// member is who this computer is.
type member struct {
	name, site string
	tags       []string
}

// accepts reports why an envelope that is proved is not for this member, or not
// for now. One that comes from the store of the hub may be old, if its sender wants
// it kept.
func (m member) accepts(e Envelope, g Grant, subject string, stored bool, now time.Time) error {
	a, ok := parseAddress(subject)
	left := e.Issued // when this copy left its sender
	if !e.Again.IsZero() {
		left = e.Again
	}
	switch {
	case !ok || a.kind != e.kind() || a.sender != e.Sender:
		return fmt.Errorf("%w: it came on the subject %q, which is not that of %s", errProof, subject, e.Sender)
	case a.host != "" && (a.host != m.name || a.site != m.site) || a.tag != "" && !slices.Contains(m.tags, a.tag):
		return fmt.Errorf("%w: it came on the subject %q, which is that of others", errProof, subject)
	case !e.Hosts.Match(m.name, m.tags):
		return errNotForUs
	case !now.Before(e.Expires):
		return fmt.Errorf("it expired at %s", e.Expires.Format(time.RFC3339))
	case left.After(now.Add(maxSkew)):
		return fmt.Errorf("it is from %s, and the clock here says %s: compare the clocks", left.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case !(stored && e.Message.Queue > 0) && left.Before(now.Add(-maxSkew)): // the hub has no business with others
		return fmt.Errorf("it is of %s and comes now, at %s: compare the clocks", left.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return g.allowsHost(m.name, m.tags)
}

// errNotForUs is for what is on a subject of many and meant for some: nobody
// has done anything wrong.
var errNotForUs = fmt.Errorf("it is for other hosts")
