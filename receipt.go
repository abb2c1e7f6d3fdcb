package msg

import (
	"fmt"
	"time"
)

// Receipt says what became of one message in one session. A later receipt for
// the same session replaces an earlier one; Final ends it.
type Receipt struct {
	Message string    `json:"message"` // Message.ID
	Session Session   `json:"session"`
	Outcome Outcome   `json:"outcome"`
	Answer  string    `json:"answer,omitempty"`  // the button, with OutcomeAnswered
	Surface string    `json:"surface,omitempty"` // what took it: "terminal", "tmux", "desktop"
	Detail  string    `json:"detail,omitempty"`  // why it is so; with OutcomeAccepted, why not on the surface that was meant
	At      time.Time `json:"at"`
	Final   bool      `json:"final"`
}

// Outcome is what happened. Nothing here claims that a person has read the
// message: no platform proves that.
type Outcome string

// The outcomes.
const (
	OutcomeAccepted  Outcome = "accepted"  // the surface took it
	OutcomeAnswered  Outcome = "answered"  // a button was pressed
	OutcomeDismissed Outcome = "dismissed" // closed without a button
	OutcomeExpired   Outcome = "expired"   // nobody answered in time
	OutcomeRefused   Outcome = "refused"   // a rule, or the person's do-not-disturb
	OutcomeGone      Outcome = "gone"      // the session ended
	OutcomeFailed    Outcome = "failed"    // Detail says why
	OutcomeQueued    Outcome = "queued"    // kept until the person signs in
)

// Check reports why a receipt, or its session, says what none does, or nil: it may
// come from another computer.
func (r Receipt) Check() error {
	switch r.Outcome {
	case OutcomeAccepted, OutcomeAnswered, OutcomeDismissed, OutcomeExpired, OutcomeRefused, OutcomeGone, OutcomeFailed, OutcomeQueued:
		return r.Session.Check()
	}
	return fmt.Errorf("a receipt with the outcome %q", r.Outcome)
}

// Bad reports whether the outcome means that the message did not arrive.
func (o Outcome) Bad() bool {
	return o == OutcomeRefused || o == OutcomeGone || o == OutcomeFailed
}
