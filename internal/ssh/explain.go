package ssh

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"msg/internal/text"
)

// Error is why a host could not be reached, in one line of plain text that
// does not name the host.
type Error struct{ text string }

// Error returns the line.
func (e *Error) Error() string { return e.text }

// exitSSH is how ssh ends when it has itself failed; any other status is that
// of the command over there.
const exitSSH = 255

// ownErrors are errors of ssh that need another word, by what it prints. The
// first that fits counts.
var ownErrors = []struct{ printed, means string }{
	{"REMOTE HOST IDENTIFICATION HAS CHANGED", "its host key has changed; if that is to be so, remove the old one with ssh-keygen -R"},
	{"Host key verification failed", "its host key is not known here; connect once with ssh to compare it"},
	{"Permission denied", "permission denied"},
	{"Too many authentication failures", "permission denied: too many keys were tried"},
	{"Could not resolve hostname", "there is no host of that name"},
	{"Connection refused", "connection refused"},
	{"timed out", "it does not answer"},
	{"Timeout, server", "it does not answer any more"},
	{"No route to host", "there is no route to it in the network"},
	{"Network is unreachable", "there is no route to it in the network"},
}

// explain says why ssh has ended with a status other than 0.
func explain(status int, printed string) error {
	last := lastLine(printed)
	switch {
	case status == 127, strings.Contains(last, "ommand not found"), strings.Contains(last, "is not recognized"):
		return &Error{"msgd is not installed there, or not in the PATH of ssh"}
	case status == 126:
		return &Error{"msgd cannot be executed there"}
	case status < 0:
		return &Error{"ssh was ended"}
	case status == exitSSH:
		for _, e := range ownErrors {
			if strings.Contains(printed, e.printed) {
				return &Error{e.means}
			}
		}
	}
	if last == "" {
		return &Error{fmt.Sprintf("ssh ended with status %d", status)}
	}
	return &Error{last}
}

// maxLine is how much of a line that is not known is passed on.
const maxLine = 200

// lastLine is the last one that is not empty, as plain text.
func lastLine(printed string) string {
	lines := strings.FieldsFunc(printed, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(text.Line(lines[i])); line != "" {
			return text.Cut(line, maxLine)
		}
	}
	return ""
}

// notRun is the error of an ssh that could not be started.
func notRun(err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return &Error{"ssh is not installed on this computer"}
	}
	return &Error{"running ssh: " + err.Error()}
}
