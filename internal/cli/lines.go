package cli

import (
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
// one, its ID; with several hosts HOST\Name.
func SessionLabel(s msg.Session, withHost bool) string {
	label := s.Name
	if label == "" {
		label = s.ID
	}
	if withHost {
		label = s.Host + `\` + label
	}
	return text.Line(label)
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
		return fmt.Sprintf("%s was answered: %s (%s, after %.1fs)", line, text.Line(r.Answer), text.Line(r.Session.User), after)
	case msg.OutcomeDismissed:
		return line + " was dismissed"
	default:
		return fmt.Sprintf("%s got no answer in %d seconds", line, int64(m.Timeout/time.Second))
	}
}

// FailedLine is printed on standard error for a session that the message did
// not reach, in the form that msg.exe uses.
func FailedLine(r msg.Receipt, label string) string {
	line := fmt.Sprintf("Error sending message to session %s : %s", label, text.Line(r.Detail))
	if r.Session.User != "" {
		line += " (" + text.Line(r.Session.User) + ")"
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

// ReplacedLine tells the sender that the text was not UTF-8.
func ReplacedLine(replaced int) string {
	return fmt.Sprintf("msg: note: the message is not valid UTF-8; %d place(s) are shown as \ufffd", replaced)
}

// OnlySessionLine tells how to reach one session when the first word of the
// message is its ID.
func OnlySessionLine(user, id string) string {
	return fmt.Sprintf("msg: note: %q is taken as text; to reach only that session of %s, write %s", text.Line(id), text.Line(user), shellQuote(user+":"+id))
}

// NotYet is the error for an option or route that this version does not have.
func NotYet(what, why string) error {
	return msg.UnsupportedError(what + ": " + why)
}

// NoRoute is the error for a host that this version has no way to.
func NoRoute(host string) error {
	return NotYet(quote(host), "no route: this version reaches only this computer (localhost), not by ssh, Windows RPC or fleet")
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
