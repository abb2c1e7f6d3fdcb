package msg

import (
	"errors"
	"strings"
)

// The labels of the buttons, which are also what Receipt.Answer says.
const (
	LabelOK     = "OK"
	LabelCancel = "Cancel"
	LabelYes    = "Yes"
	LabelNo     = "No"
	LabelRetry  = "Retry"
)

// Labels lists the buttons of a set in their order; the first is the default.
// The empty set, and one that does not exist, is OK alone.
func (b Buttons) Labels() []string {
	switch b {
	case ButtonsOKCancel:
		return []string{LabelOK, LabelCancel}
	case ButtonsYesNo:
		return []string{LabelYes, LabelNo}
	case ButtonsYesNoCancel:
		return []string{LabelYes, LabelNo, LabelCancel}
	case ButtonsRetryCancel:
		return []string{LabelRetry, LabelCancel}
	}
	return []string{LabelOK}
}

// Label finds the button that somebody has written, in any case, and returns
// its label.
func (b Buttons) Label(written string) (label string, ok bool) {
	for _, l := range b.Labels() {
		if strings.EqualFold(l, written) {
			return l, true
		}
	}
	return "", false
}

// Answer is what somebody who was asked has to say.
type Answer struct {
	// Message is the ID of a message or the end of one, see ShortID. Empty
	// means the newest that waits in the terminal from which the answer comes.
	Message string `json:"message,omitempty"`

	Button string `json:"button"` // a label of its buttons, in any case
}

// Errors of an answer.
var (
	// ErrNothing is wrapped by the error of an answer that nothing waits for.
	ErrNothing = errors.New("no message waits for an answer")

	// ErrButton is wrapped by the error of an answer that the message does not
	// have.
	ErrButton = errors.New("the message has no such button")
)

// shortID is the length of a short ID: 30 random bits, which nobody has to
// guess, because only the person who was asked can answer.
const shortID = 6

// ShortID is the end of a message's ID that a person can type.
func ShortID(id string) string { return id[max(0, len(id)-shortID):] }

// IsID reports whether what somebody has written, in any case, means the
// message with this ID.
func IsID(written, id string) bool {
	return len(written) >= min(shortID, len(id)) && len(written) <= len(id) &&
		strings.EqualFold(written, id[len(id)-len(written):])
}
