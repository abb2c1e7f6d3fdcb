package host

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"msg"
)

// Finding is one line of what Examine has found out.
type Finding struct {
	About string `json:"about"` // "system", "logind", "session 3"
	Found string `json:"found"` // in words; some may be those of other programs
}

// findings are put together one after another.
type findings []Finding

func (f *findings) add(about, format string, args ...any) {
	*f = append(*f, Finding{about, fmt.Sprintf(format, args...)})
}

// Numbered says what an error is, with the number of the system, which is the
// same in every language.
func Numbered(err error) string {
	var n syscall.Errno
	if !errors.As(err, &n) {
		return err.Error()
	}
	return fmt.Sprintf("%v (error %d)", err, uint32(n))
}

// took is how long something has taken, for reading.
func took(since time.Time) time.Duration { return time.Since(since).Round(100 * time.Microsecond) }

// people gives the users of a report numbers in the place of their names.
type people []string

// number is 1 for the first account that is asked for.
func (p *people) number(account string) int {
	for i, a := range *p {
		if a == account {
			return i + 1
		}
	}
	*p = append(*p, account)
	return len(*p)
}

// describe is a session without the name of anybody.
func (p *people) describe(s msg.Session) string {
	line := fmt.Sprintf("%s, user %d, %s, %s", s.Name, p.number(s.Account+"\x00"+s.User), s.Kind, s.State)
	if s.Type != "" {
		line += ", type " + s.Type
	}
	if s.Source != "" {
		line += ", found by " + s.Source
	}
	if s.Console {
		line += ", at the console"
	}
	if s.Own {
		line += ", this one"
	}
	return line
}
