// Package fleet sends one message to many computers that each run a msgd, over
// NATS, and brings back who answered.
//
// It promises that a computer shows only what was signed by somebody whom the
// key of the organisation allows it, to that computer, now, and once; and that
// a stolen hub can drop, delay and read messages, but not make or change one.
// A Hub is the office's own server; a Node is one member: it shows what comes
// and sends for the people on its computer. Start with those two, and with
// Envelope, which is what they exchange.
package fleet

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is believed.
const (
	// maxSkew is how far a message that comes live may be from the clock of
	// the computer that gets it, before or behind.
	maxSkew = 5 * time.Minute

	// maxLife is the longest that a message may be kept for computers that are
	// off.
	maxLife = 30 * 24 * time.Hour

	// untilAnswered is how long a message without a time-out may be delivered.
	untilAnswered = 24 * time.Hour

	maxName = 128     // bytes of the name of a member or a tag
	maxWire = 1 << 20 // bytes of anything signed that carries a message
)

// How soon each side of a connection knows that the other is gone without a
// word: because its power was cut, or a cable. A member asks the hub for a sign
// of life; the third that is missing is the end, after 45 seconds. The hub has
// heard from each member in that time, and asks only those from which it has
// not; it looks every 20 seconds, and after a minute it knows. Each sign costs
// the hub some 50 microseconds.
const (
	pingHub       = 15 * time.Second
	pingHubOut    = 2
	pingMember    = 20 * time.Second
	pingMemberOut = 1
)

// errProof is wrapped by the errors of what is not proved: a wrong signature,
// or fields that it does not cover.
var errProof = errors.New("not proved")

// CheckName reports why a member, or a tag, cannot be called so. Names are in
// lower case: they are compared by their bytes.
func CheckName(name string) error {
	switch {
	case name == "" || len(name) > maxName || !utf8.ValidString(name):
		return fmt.Errorf("%q cannot be a name: it has to have 1 to %d bytes", name, maxName)
	case name != strings.ToLower(name):
		return fmt.Errorf("%q cannot be a name: it has to be in lower case", name)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(` *?[]\/,:;@"'`, r) }):
		return fmt.Errorf("%q cannot be a name: it has blanks, what cannot be seen, or one of *?[]\\/,:;@\"'", name)
	}
	return nil
}
