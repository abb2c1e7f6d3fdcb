package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"msg"
	"msg/internal/hosttest"
)

// TestMain makes the command known by its three names: which one it was called
// by says what is listed.
func TestMain(m *testing.M) {
	query := func() { os.Exit(run(openFake)) }
	testscript.Main(m, map[string]func(){"query": query, "qwinsta": query, "quser": query})
}

// openFake opens the computer that the script describes in people.json.
func openFake() (msg.Host, error) {
	f, err := os.Open(os.Getenv("MSG_TEST_PEOPLE"))
	if errors.Is(err, fs.ErrNotExist) {
		return hosttest.NewFake(), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return hosttest.ReadFake(f)
}

// TestScripts runs the scripts. Besides testscript's own commands they have
//
//	exits CODE COMMAND...      run COMMAND, which must exit with CODE
//	setbytes VARIABLE STRING   set an environment variable; \x1b and the like
//	                           are bytes
//	plain FILE...              the files hold no byte that a terminal acts on
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata",
		RequireUniqueNames: true,
		Setup:              setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"setbytes": setBytes,
			"plain":    plain,
		},
	})
}

func setUp(env *testscript.Env) error {
	env.Setenv("MSG_TEST_PEOPLE", filepath.Join(env.WorkDir, "people.json"))
	env.Setenv("LC_ALL", "C.UTF-8")
	// The race detector keeps each process for a second at its end.
	env.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	name, err := os.Hostname()
	env.Setenv("HOST", name)
	return err
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("%s exits with %d, not %d", args[1], code, want)
	}
}

func setBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: setbytes VARIABLE STRING")
	}
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(args[1], `"`, `\"`) + `"`)
	ts.Check(err)
	ts.Setenv(args[0], s)
}

func plain(ts *testscript.TestScript, neg bool, args []string) {
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
