package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"msg"
	"msg/internal/text"
)

// Exit codes of the commands.
const (
	ExitOK          = 0
	ExitFailed      = 1 // no such recipient, refused, unreachable, stuck
	ExitUsage       = 2
	ExitNoAnswer    = 3 // with /w: nothing failed, but somebody did not answer
	ExitInterrupted = 130
)

// SessionLabel is how a session is called in a line: its name or, without
// one, its ID; with several hosts HOST\Name. Somebody who has none goes by the
// user name.
func SessionLabel(s msg.Session, withHost bool) string {
	label := cmp.Or(s.Name, s.ID, s.User)
	if label == "" { // a member of a fleet as a whole
		return text.Line(s.Host)
	}
	if withHost {
		label = s.Host + `\` + label
	}
	return text.Line(label)
}

// UserLabel is how the user of a session is called in a line: Windows' own
// commands leave out the domain.
func UserLabel(s msg.Session) string {
	if _, name, ok := strings.Cut(s.User, `\`); ok && s.Source == msg.SourceWTS {
		return name
	}
	return s.User
}

// SendingLine is printed with /v before the result, in Windows' words.
func SendingLine(label string, timeout time.Duration) string {
	return fmt.Sprintf("Sending message to session %s, display time %d", label, int64(timeout/time.Second))
}

// SentLine is printed with /v when a surface took the message; detail is why
// it is not the one that was meant, or empty.
func SentLine(label, detail string) string {
	line := "Async message sent to session " + label
	if detail != "" {
		line += " (" + text.Line(detail) + ")"
	}
	return line
}

// WaitedLine is printed with /v /w when a session's wait has ended.
func WaitedLine(r msg.Receipt, label string, m msg.Message) string {
	line := "Message to session " + label
	switch r.Outcome {
	case msg.OutcomeAnswered:
		after := r.At.Sub(m.Sent).Seconds()
		return fmt.Sprintf("%s was answered: %s (%s, after %.1fs)", line, text.Line(r.Answer), text.Line(UserLabel(r.Session)), after)
	case msg.OutcomeDismissed:
		return line + " was dismissed"
	case msg.OutcomeAccepted: // and final: what shows it has no buttons
		return line + " cannot be answered there" + because(r.Detail)
	}
	if r.Detail != "" {
		return line + " got no answer" + because(r.Detail)
	}
	return fmt.Sprintf("%s got no answer in %d seconds", line, int64(m.Timeout/time.Second))
}

func because(detail string) string {
	if detail == "" {
		return ""
	}
	return ": " + text.Line(detail)
}

// QueuedLine is printed with /v for somebody who is not signed in.
func QueuedLine(label string, queue time.Duration) string {
	return fmt.Sprintf("Message for %s is kept until the next sign-in, at most %s", label, span(queue))
}

// span writes a duration in the largest unit that has no rest.
func span(d time.Duration) string {
	n, unit := int64(d/time.Second), "second"
	switch {
	case d == 0:
	case d%(24*time.Hour) == 0:
		n, unit = int64(d/(24*time.Hour)), "day"
	case d%time.Hour == 0:
		n, unit = int64(d/time.Hour), "hour"
	case d%time.Minute == 0:
		n, unit = int64(d/time.Minute), "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// ProgressLine is shown on a terminal while answers are waited for.
func ProgressLine(answered, waiting, total int) string {
	return fmt.Sprintf("%d answered, %d waiting, %d in all", answered, waiting, total)
}

// GivenLine confirms an answer. r is what is on record, which may be an answer
// that was there before.
func GivenLine(r msg.Receipt, button string) string {
	if r.Outcome == msg.OutcomeAnswered && !strings.EqualFold(r.Answer, button) {
		return "It was answered before: " + text.Line(r.Answer)
	}
	return "Answered: " + text.Line(button)
}

// DNDLine says what do-not-disturb is.
func DNDLine(d msg.DND, now time.Time, loc text.Locale) string {
	switch {
	case !d.Active(now):
		return "Do not disturb is off"
	case d.Until.IsZero():
		return "Do not disturb is on"
	}
	return "Do not disturb is on until " + loc.Format(d.Until)
}

// RouteLine is printed with /v for each other computer.
func RouteLine(host, way, why string) string {
	return text.Line(host) + " is reached by " + way + ": " + text.Line(why)
}

// FailedLine is printed on standard error for a session that the message did
// not reach, in the form that msg.exe uses.
func FailedLine(r msg.Receipt, label string) string {
	line := fmt.Sprintf("Error sending message to session %s : %s", label, text.Line(r.Detail))
	if r.Session.User != "" {
		line += " (" + text.Line(UserLabel(r.Session)) + ")"
	}
	return line
}

// MissingLines are the lines for selectors that fit nobody. host is empty, or
// which of several hosts it was.
func MissingLines(err error, host string) []string {
	var none *msg.NoSessionError
	if !errors.As(err, &none) {
		return nil
	}
	var lines []string
	for _, s := range none.Selectors {
		line := text.Line(s) + " " + msg.ErrNoSession.Error()
		if s == "*" {
			line = "nobody is signed in"
		}
		if host != "" {
			line = text.Line(host) + ": " + line
		}
		lines = append(lines, line)
	}
	return lines
}

// SystemLines are the lines about a Windows computer that does not tell its
// sessions: those of Windows' own command, to the letter, and then what to do.
// For any other error they are nil.
func SystemLines(command string, err error) []string {
	var e *msg.SystemError
	if !errors.As(err, &e) {
		return nil
	}
	lines := []string{fmt.Sprintf("Error %d getting session names", e.Code)}
	if command == "query" {
		lines = []string{fmt.Sprintf("Error 0x%08X enumerating sessionnames", e.Code), fmt.Sprintf("Error [%d]:%s", e.Code, text.Line(e.Text))}
	}
	return append(lines, "  "+text.Line(e.Cure))
}

// ErrorLine is any other error in one line.
func ErrorLine(command string, err error) string {
	return command + ": " + text.Line(err.Error())
}

// UsageLines are printed on standard error for a command line that is not
// understood: Windows' first line, the usage, then what was wrong and what to
// write instead.
func UsageLines(command string, err error) string {
	var b strings.Builder
	b.WriteString("Invalid parameter(s)\n")
	b.WriteString(Usage(command))
	b.WriteString(ErrorLine(command, err) + "\n")
	var usage *UsageError
	if errors.As(err, &usage) && usage.Hint != "" {
		b.WriteString("  try: " + text.Line(usage.Hint) + "\n")
	}
	return b.String()
}

// NoteLine is something to know that is not a failure.
func NoteLine(err error) string { return "msg: note: " + text.Line(err.Error()) }

// ReplacedLine tells the sender that the text was not UTF-8.
func ReplacedLine(replaced int) string {
	return fmt.Sprintf("msg: note: the message is not valid UTF-8; %d place(s) are shown as \ufffd", replaced)
}

// OnlySessionLine tells how to reach one session when the first word of the
// message is its ID.
func OnlySessionLine(user, id string) string {
	return fmt.Sprintf("msg: note: %q is taken as text; to reach only that session of %s, write %s", text.Line(id), text.Line(user), shellQuote(user+":"+id))
}

// HostLine is the heading of one host's table when there are several.
func HostLine(host string) string { return text.Line(host) + ":" }

// Prompt is shown before a message is typed; eof is how to end it.
func Prompt(eof string) string {
	return "Enter message to send; end it with " + eof + " on a new line:\n"
}

// FileLine is a hint for a recipient that is nobody but a file: perhaps the
// shell has put it there.
func FileLine(name string) string {
	return "msg: note: " + quote(name) + " is a file here; for everybody quote the star: msg " + quoteStar() + " ..."
}

// Starred notices that the shell has put the names of the files here in the
// place of an unquoted star that was to be the recipient: all of them, one
// after another, behind nothing but options.
func Starred(args, files []string) error {
	if len(files) < 2 {
		return nil // one word more or less says nothing
	}
	there := map[string]bool{}
	for _, f := range files {
		there[f] = true
	}
	for start := 0; start+len(files) <= len(args); start++ {
		if m, err := ParseMsg(args[:start]); start > 0 && (m.Recipient != "" || err == nil) {
			return nil // the recipient is somebody else
		}
		names := args[start : start+len(files)]
		if !slices.ContainsFunc(names, func(s string) bool { return !there[s] }) {
			words := slices.Concat(args[:start], []string{"*"}, args[start+len(files):])
			return &UsageError{
				Word:   names[0],
				Reason: "and the words after it are files here: the shell has put them in the place of an unquoted *",
				Hint:   "msg " + shellJoin(words),
			}
		}
	}
	return nil
}
