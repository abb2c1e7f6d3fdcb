package host

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// about are the findings about something, in one text.
func about(found []Finding, what string) string {
	var lines []string
	for _, f := range found {
		if f.About == what {
			lines = append(lines, f.Found)
		}
	}
	return strings.Join(lines, "\n")
}

// wantFinding compares with a regular expression.
func wantFinding(t *testing.T, found []Finding, what, want string) {
	t.Helper()
	if got := about(found, what); !regexp.MustCompile(`\A(?:` + want + `)\z`).MatchString(got) {
		t.Errorf("%s: %q, want %s", what, got, want)
	}
}

func TestNumbered(t *testing.T) {
	denied := syscall.Errno(13)
	for err, want := range map[error]string{
		fmt.Errorf("writing: %w", os.ErrClosed):            "writing: file already closed",
		fmt.Errorf("writing: %w", denied):                  "writing: " + denied.Error() + " (error 13)",
		&os.PathError{Op: "open", Path: "/x", Err: denied}: "open /x: " + denied.Error() + " (error 13)",
	} {
		if got := Numbered(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
