package control

import (
	"errors"
	"fmt"
	"slices"

	"msg"
)

// Errors of a conversation, beside those of the service.
var (
	// ErrNoDaemon is wrapped by the error of a msgd that could not be reached.
	// Nothing was sent: what was to be done can be done in another way.
	ErrNoDaemon = errors.New("no msgd is running")

	// ErrSilent is wrapped by the error of a stream that was opened but has no
	// msgd at its end, or one that does not speak.
	ErrSilent = errors.New("no msgd answers")

	// ErrVersion is wrapped by the error of a msgd, or a client, that speaks
	// another version of the protocol.
	ErrVersion = errors.New("msgd does not speak this version of the protocol")

	// ErrLost is wrapped by the error of a connection that ended in the middle.
	ErrLost = errors.New("the connection to msgd was lost")
)

// done is the last line: what was missing, and what went wrong.
type done struct {
	Missing []string `json:"missing,omitempty"` // selectors
	Error   *fault   `json:"error,omitempty"`
}

// fault is an error on its way.
type fault struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// The codes that have no error of package msg.
const (
	codeUnsupported = "unsupported"
	codeFailed      = "failed" // any other error
)

// codes are the errors that a client can tell apart.
var codes = []struct {
	code string
	is   error
}{
	{"message", msg.ErrMessage},
	{"refused", msg.ErrRefused},
	{"limit", msg.ErrLimit},
	{"nothing", msg.ErrNothing},
	{"button", msg.ErrButton},
	{"version", ErrVersion},
	{"request", errLine},
}

// doneOf puts an error into the last line.
func doneOf(err error) *done {
	d := &done{}
	var none *msg.NoSessionError
	if errors.As(err, &none) {
		d.Missing = none.Selectors
	}
	if err != nil && (none == nil || err != error(none)) {
		d.Error = &fault{codeOf(err), err.Error()}
	}
	return d
}

func codeOf(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.is) {
			return c.code
		}
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return codeUnsupported
	}
	return codeFailed
}

func (d *done) check() error {
	if slices.Contains(d.Missing, "") {
		return fmt.Errorf("%w: an empty recipient is missing", errLine)
	}
	if f := d.Error; f != nil {
		if _, ok := f.is(); !ok || f.Text == "" {
			return fmt.Errorf("%w: an error of the kind %q with the text %q", errLine, f.Code, f.Text)
		}
	}
	return nil
}

// is finds the error that a code stands for; nil is any other one.
func (f *fault) is() (err error, ok bool) {
	switch f.Code {
	case codeUnsupported:
		return msg.UnsupportedError(f.Text), true
	case codeFailed:
		return nil, true
	}
	for _, c := range codes {
		if c.code == f.Code {
			return c.is, true
		}
	}
	return nil, false
}

// err takes the error out of the last line.
func (d *done) err() error {
	var none error
	if len(d.Missing) > 0 {
		none = &msg.NoSessionError{Selectors: d.Missing}
	}
	if d.Error == nil {
		return none
	}
	e := &remoteError{text: d.Error.Text}
	is, _ := d.Error.is()
	for _, x := range []error{is, none} {
		if x != nil {
			e.is = append(e.is, x)
		}
	}
	return e
}

// remoteError is an error that happened at the other end, in its own words.
type remoteError struct {
	text string
	is   []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.is }
