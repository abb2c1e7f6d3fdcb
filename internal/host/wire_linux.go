package host

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"time"

	"msg"
	"msg/internal/text"
)

// Between this process and the helper of one user there are lines of JSON: a
// request for each window, and at most two events of each: that it is on the
// screen, and how it ended. So a helper that says more than it has to is known
// at once for one that somebody has changed.

// request asks a helper for a window, or to take one off the screen. A request
// to close a window that has been answered says that the answer has arrived.
type request struct {
	ID      uint64          `json:"id"`
	Close   bool            `json:"close,omitempty"`
	Within  time.Duration   `json:"within,omitempty"` // to be on the screen, or to say why not
	Notice  notice          `json:"notice,omitzero"`
	Tmux    *tmuxRequest    `json:"tmux,omitempty"`
	Desktop *desktopRequest `json:"desktop,omitempty"`
}

// tmuxRequest is a client of tmux to show a notice on.
type tmuxRequest struct {
	PID int    `json:"pid"`
	TTY string `json:"tty"` // below /dev
}

// desktopRequest is a graphical session to show a notice on.
type desktopRequest struct {
	Proc    string `json:"proc"`    // where /proc is
	X11     string `json:"x11"`     // folder with the sockets of X servers
	Runtime string `json:"runtime"` // folder with the sockets of the user
	Home    string `json:"home"`
	Display string `json:"display,omitempty"` // of X, as logind has it
	Scope   string `json:"scope,omitempty"`
}

// notice is a message as somebody is to see it. All of it is plain text.
type notice struct {
	Message string        `json:"message"` // its ID
	Title   string        `json:"title"`
	By      string        `json:"by,omitempty"`
	Summary string        `json:"summary"` // is Title in a notification, and
	Sent    string        `json:"sent"`    // By, see text.Summary
	Text    string        `json:"text"`
	Buttons []string      `json:"buttons"`
	Command string        `json:"command,omitempty"` // that answers in any terminal
	Wait    bool          `json:"wait,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"` // 0: until it is closed
}

func newNotice(m msg.Message) notice {
	title, by := heading(m)
	summary, sent := text.Summary(m.Title, m.From, m.Sent, m.Again, text.LocaleFor(m.Locale))
	n := notice{
		Message: m.ID, Title: title, By: by, Summary: summary, Sent: sent, Text: text.Plain(m.Text),
		Buttons: []string{msg.LabelOK}, Wait: m.Wait, Timeout: m.Timeout,
	}
	if m.Wait { // nobody would learn of another answer
		n.Buttons, n.Command = m.Buttons.Labels(), answerElsewhere(m)
	}
	return n
}

// check is for what comes from a pipe or a socket.
func (n notice) check() error {
	if n.Text == "" || len(n.Buttons) == 0 || len(n.Buttons) > maxButtons || n.Timeout < 0 {
		return errors.New("not a message that can be shown")
	}
	return nil
}

const maxButtons = 8

// reply is what a helper says of a window.
type reply struct {
	ID       uint64      `json:"id"`
	Outcome  msg.Outcome `json:"outcome"`
	Answer   string      `json:"answer,omitempty"`
	Detail   string      `json:"detail,omitempty"`
	NoAnswer bool        `json:"noanswer,omitempty"`
	End      bool        `json:"end,omitempty"` // it is off the screen, or never was on it
}

// Sizes of lines and of what is shown of them.
const (
	maxRequest = 256 << 10 // the longest message when all of it is written as codes
	maxReply   = 8 << 10
	maxDetail  = 300 // characters
)

var errReply = errors.New("the helper says what it cannot say")

// parseReply reads a line of a helper. What it says is its user's doing.
func parseReply(line []byte) (reply, error) {
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("%w: %w", errReply, err)
	}
	first := r.Outcome == msg.OutcomeAccepted && !r.End || r.Outcome == msg.OutcomeFailed && r.End
	last := r.End && slices.Contains(endings, r.Outcome)
	if r.ID == 0 || !first && !last || (r.Answer != "") != (r.Outcome == msg.OutcomeAnswered) {
		return r, errReply
	}
	r.Detail = shorten(r.Detail)
	return r, nil
}

// endings are how a window that was on the screen can end.
var endings = []msg.Outcome{msg.OutcomeAnswered, msg.OutcomeDismissed, msg.OutcomeExpired, msg.OutcomeGone, msg.OutcomeFailed}

// shorten makes a text of somebody else's into one line that can be shown.
func shorten(s string) string {
	r := []rune(text.Line(s[:min(len(s), 4*maxDetail)]))
	return string(r[:min(len(r), maxDetail)])
}

// parseRequest reads a line that a helper was sent.
func parseRequest(line []byte) (request, error) {
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return r, err
	}
	switch {
	case r.ID == 0:
		return r, errors.New("a request without a number")
	case r.Close:
		return r, nil
	case r.Within <= 0:
		return r, errors.New("a request without a time")
	case (r.Tmux == nil) == (r.Desktop == nil):
		return r, errors.New("a request for no place, or for two")
	case r.Tmux != nil && (r.Tmux.PID <= 0 || !ttyName(r.Tmux.TTY)):
		return r, fmt.Errorf("a request for %q of process %d", r.Tmux.TTY, r.Tmux.PID)
	case r.Desktop != nil && !filepath.IsAbs(r.Desktop.Runtime):
		return r, fmt.Errorf("a request for folder %q", r.Desktop.Runtime)
	}
	return r, r.Notice.check()
}

// lines calls do for each line until one is too long, do is not content, or
// there are no more.
func lines(r io.Reader, longest int, do func([]byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, longest)
	for s.Scan() {
		if err := do(s.Bytes()); err != nil {
			return err
		}
	}
	return s.Err()
}

// writeTimeout is how long the other end may take to read a line. The buffers
// of the kernel take many lines at once.
const writeTimeout = time.Second

// writeLine writes v as one line of JSON, within a deadline.
func writeLine(conn net.Conn, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err = conn.Write(append(b, '\n'))
	return err
}
