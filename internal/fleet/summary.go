package fleet

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/nats-io/nkeys"

	"msg"
)

// Summary is what the leaf hub of a site says became of a message on all of its
// members, signed with the hub's key: who by a bit, how many by counts, and in
// the members' own signed words only what is out of the ordinary. Like a Report
// it is a state, and one with a higher serial replaces it.
//
// A bit is the number that the leaf hub gave to a member when it joined. No
// number is ever given again, so no list has to be the same at both ends.
type Summary struct {
	Org    string    `json:"org"`
	ID     string    `json:"id"`
	Sender string    `json:"sender"`
	Site   string    `json:"site"`
	Serial uint64    `json:"serial"` // of the last entry of the leaf's stream AUDIT that is in it
	At     time.Time `json:"at"`

	Reached  bitmap `json:"reached"`            // have said something
	Done     bitmap `json:"done,omitempty"`     // of them: and nothing more will come
	Failed   bitmap `json:"failed,omitempty"`   // of those: could not, or would not, send to anybody there
	Nobody   bitmap `json:"nobody,omitempty"`   // of those: nobody there is meant
	Answered bitmap `json:"answered,omitempty"` // of those reached: somebody there has answered
	Kept     bitmap `json:"kept,omitempty"`     // of those reached: nothing more will come until people sign in

	Sessions map[msg.Outcome]int `json:"sessions,omitempty"` // how many
	Missing  []string            `json:"missing,omitempty"`  // selectors that fit nobody at any member that is done

	Exceptions []item `json:"exceptions,omitempty"` // reports of the first that failed, then of those that answered, by name
	More       int    `json:"more,omitempty"`       // such reports that are not in it
}

func (s *Summary) times() []time.Time { return []time.Time{s.At} }

// Bounds of a summary.
const (
	maxNumber     = 1 << 17 // members that a leaf hub can count
	maxExceptions = 100
	maxException  = 16 << 10  // bytes of one report
	maxSaid       = 256 << 10 // and of all
	maxOutcomes   = 32
)

// relayHost stands where a report has its host; no member can be called so.
const relayHost = "*relay"

// defaultSummary is from how many targets on a site sums up.
const defaultSummary = 20_000

// Seal signs the summary.
func (s Summary) Seal(key nkeys.KeyPair) ([]byte, error) { return seal(key, domainSummary, s, nil) }

// openSummary checks that a summary is of the leaf hub of the site whose
// subject it came on, and whose key the caller knows.
func openSummary(data []byte, subject, org, key string) (Summary, error) {
	sender, id, host, ok := parseAck(subject)
	if !ok || host != relayHost {
		return Summary{}, fmt.Errorf("%w: a summary on the subject %q", errProof, subject)
	}
	site := siteOfAck(subject)
	var s Summary
	raw, err := parseSealed(data)
	if err == nil {
		err = raw.unseal(key, domainSummary, &s)
	}
	switch {
	case err != nil:
		return Summary{}, fmt.Errorf("a summary in the name of site %s is %w", site, err)
	case s.Org != org || s.ID != id || s.Sender != sender || s.Site != site:
		return Summary{}, fmt.Errorf("%w: a summary of site %s about %s came on the subject of %s about %s", errProof, s.Site, s.ID, site, id)
	}
	if err := s.check(); err != nil {
		return Summary{}, fmt.Errorf("%w: a summary of site %s: %v", errProof, site, err)
	}
	return s, nil
}

// check is about the form: what cannot be so together.
func (s Summary) check() error {
	for name, b := range map[string]bitmap{"reached": s.Reached, "done": s.Done, "failed": s.Failed, "nobody": s.Nobody, "answered": s.Answered, "kept": s.Kept} {
		if len(b) > maxNumber/8 {
			return fmt.Errorf("%s has %d bytes, the limit is %d", name, len(b), maxNumber/8)
		}
	}
	switch {
	case !s.Done.in(s.Reached) || !s.Answered.in(s.Reached) || !s.Kept.in(s.Reached):
		return fmt.Errorf("members are done, keep it, or have answered, that have said nothing")
	case !s.Failed.in(s.Done) || !s.Nobody.in(s.Done):
		return fmt.Errorf("of members that are not done it says what came of it in the end")
	case len(s.Sessions) > maxOutcomes || len(s.Exceptions) > maxExceptions || s.More < 0:
		return fmt.Errorf("it has %d outcomes, %d exceptions and %d more", len(s.Sessions), len(s.Exceptions), s.More)
	}
	for o, n := range s.Sessions {
		if n < 0 || len(o) > maxName {
			return fmt.Errorf("it has %d sessions with %q", n, o)
		}
	}
	for _, e := range s.Exceptions {
		sender, id, host, ok := parseAck(e.Subject)
		if !ok || sender != s.Sender || id != s.ID || host == relayHost || siteOfAck(e.Subject) != s.Site {
			return fmt.Errorf("it has a report that came on the subject %q", e.Subject)
		}
	}
	return nil
}

// bitmap is a set of numbers; the lowest bit of the first byte is 0.
type bitmap []byte

func (b bitmap) has(i int) bool { return i >= 0 && i/8 < len(b) && b[i/8]&(1<<(i%8)) != 0 }

// set puts a number in or takes it out; it is 0 to maxNumber.
func (b *bitmap) set(i int, in bool) {
	for i/8 >= len(*b) {
		*b = append(*b, 0)
	}
	if in {
		(*b)[i/8] |= 1 << (i % 8)
	} else {
		(*b)[i/8] &^= 1 << (i % 8)
	}
}

// in reports whether all of it is in another.
func (b bitmap) in(other bitmap) bool {
	for i, x := range b {
		if i >= len(other) && x != 0 || i < len(other) && x&^other[i] != 0 {
			return false
		}
	}
	return true
}

func (b bitmap) count() (n int) {
	for _, x := range b {
		n += bits.OnesCount8(x)
	}
	return n
}
