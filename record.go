package msg

import "time"

// Record is what a journal keeps of one message: what was sent, by whom, to
// whom, and what came of it.
type Record struct {
	Message  Message   `json:"message"`
	Account  string    `json:"account"`           // of the sender, as in Session.Account
	To       []string  `json:"to"`                // selectors, as they were written
	Receipts []Receipt `json:"receipts"`          // the latest for each session
	Refused  string    `json:"refused,omitempty"` // why the whole message was, if it was
}

// DND is a person's do-not-disturb. The zero value is off.
type DND struct {
	On    bool      `json:"on"`
	Until time.Time `json:"until,omitzero"` // when it ends by itself; zero is never
}

// Active reports whether it holds at that moment.
func (d DND) Active(now time.Time) bool {
	return d.On && (d.Until.IsZero() || now.Before(d.Until))
}
