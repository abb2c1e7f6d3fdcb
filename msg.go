// Package msg is the vocabulary of the project: what a message is, where a
// person can see one (a Session), which sessions are meant (a Target), what
// became of it (a Receipt), and the one interface that everything else either
// is or decides in front of (a Host).
//
// It promises to stay small: it imports the standard library only, does no
// input or output, and its types can be used from several goroutines as long
// as nobody changes them. Start with Host; the commands in cmd/ show it in use.
package msg

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Limits of a Message. Longer input is refused with both numbers and never
// cut: half a warning can say the opposite of the whole one.
const (
	MaxText  = 8192 // bytes of UTF-8 in Message.Text
	MaxTitle = 256  // characters in Message.Title
)

const maxLocale = 64 // bytes

// DefaultTimeout is how long a message stays on the screen if the sender does
// not say. It is what msg.exe really uses, with and without /W.
const DefaultTimeout = 60 * time.Second

// ErrMessage is what Check returns, wrapped, for a message that may not be
// sent: empty, too long, or not UTF-8.
var ErrMessage = errors.New("message cannot be sent")

// Message is one message from one sender. It is plain text, never markup, and
// is not changed after it was made.
type Message struct {
	ID      string        `json:"id"`                // ULID, see NewID
	From    string        `json:"from"`              // who sent it, as the sending side proved it
	Title   string        `json:"title,omitempty"`   // one line, at most MaxTitle characters; empty is the usual one, which names the sender
	Text    string        `json:"text"`              // lines end in \n; at most MaxText bytes
	Buttons Buttons       `json:"buttons,omitempty"` // what can be pressed; empty means ButtonsOK
	Wait    bool          `json:"wait,omitempty"`    // the sender waits for an answer
	Timeout time.Duration `json:"timeout"`           // how long it stays, and how long to wait; 0 means until answered
	Sent    time.Time     `json:"sent"`
	Locale  string        `json:"locale,omitempty"` // the sender's, such as "de_AT": how the date in the usual title is written
	Queue   time.Duration `json:"queue,omitempty"`  // how long to keep it for people who are not signed in; 0 is not at all
	Again   bool          `json:"again,omitempty"`  // it may have been shown before: whoever showed it was interrupted
}

// Buttons is a set of answers, with the names of the MessageBox styles.
type Buttons string

// The sets that Windows' message box has as well.
const (
	ButtonsOK          Buttons = "ok"
	ButtonsOKCancel    Buttons = "okcancel"
	ButtonsYesNo       Buttons = "yesno"
	ButtonsYesNoCancel Buttons = "yesnocancel"
	ButtonsRetryCancel Buttons = "retrycancel"
)

// Check reports why the message may not be sent, as an error that wraps
// ErrMessage, or nil. Every Host calls it before anything is shown.
func (m Message) Check() error {
	switch {
	case m.Text == "":
		return fmt.Errorf("%w: it is empty", ErrMessage)
	case len(m.Text) > MaxText:
		return fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrMessage, len(m.Text), MaxText)
	case !utf8.ValidString(m.Text) || !utf8.ValidString(m.Title) || !utf8.ValidString(m.From):
		return fmt.Errorf("%w: it is not valid UTF-8", ErrMessage)
	case utf8.RuneCountInString(m.Title) > MaxTitle:
		return fmt.Errorf("%w: its title has %d characters, the limit is %d", ErrMessage, utf8.RuneCountInString(m.Title), MaxTitle)
	case m.Timeout < 0 || m.Queue < 0:
		return fmt.Errorf("%w: its display time is negative", ErrMessage)
	case len(m.Locale) > maxLocale:
		return fmt.Errorf("%w: its locale has %d bytes, the limit is %d", ErrMessage, len(m.Locale), maxLocale)
	}
	return nil
}

// crockford is the alphabet of a ULID: no I, L, O or U, and in ASCII order, so
// that IDs sort by time.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// NewID makes a ULID for a message sent at time t: 48 bits of milliseconds and
// 80 random bits in 26 characters (https://github.com/ulid/spec).
func NewID(t time.Time) string {
	// base32 fills from the left, a ULID is one number padded on the left: two
	// zero bits in front of 128 make the 130 bits of 26 characters.
	var raw [18]byte
	binary.BigEndian.PutUint64(raw[0:8], uint64(t.UnixMilli())<<16)
	_, _ = rand.Read(raw[6:16]) // never fails, see crypto/rand
	for i := len(raw) - 1; i > 0; i-- {
		raw[i] = raw[i]>>2 | raw[i-1]<<6
	}
	raw[0] >>= 2
	return crockford.EncodeToString(raw[:])[:26]
}
