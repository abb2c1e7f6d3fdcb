package hosttest

import (
	"errors"
	"os/exec"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// Exits is a command for scripts: it runs another one, which has to exit with a
// code.
func Exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if code := ExitCode(ts, ts.Exec(args[1], args[2:]...)); code != want {
		ts.Fatalf("%s exits with %d, not %d", args[1], code, want)
	}
}

// ExitCode is that of a process that has ended with err; any other error fails
// the script.
func ExitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// Plain is a command for scripts: files have to be text that acts on nothing.
func Plain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: plain FILE...")
	}
	for _, name := range args {
		s := ts.ReadFile(name)
		if !utf8.ValidString(s) {
			ts.Fatalf("%s is not valid UTF-8: %q", name, s)
		}
		for _, r := range s {
			if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
				ts.Fatalf("%s holds %U: %q", name, r, s)
			}
		}
	}
}
