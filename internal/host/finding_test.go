package host

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

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
