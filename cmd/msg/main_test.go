package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"

	"msg"
	"msg/internal/account"
	"msg/internal/host"
	"msg/internal/hosttest"
	"msg/internal/hosttest/standin"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"msg": func() {
			router := standin.Router(os.Getenv)
			router.Open = openFake
			os.Exit(run(router, examineFake))
		},
		"ssh": func() { os.Exit(standin.SSH(os.Args[1:], os.Getenv)) },
	})
}

// openFake opens the computer that the script describes in people.json, and
// writes what its sessions were shown to the folder screens when it is closed.
// Nobody who is really signed in can be sent anything.
func openFake() (msg.Host, error) {
	f, err := os.Open(os.Getenv("MSG_TEST_PEOPLE"))
	if errors.Is(err, fs.ErrNotExist) {
		return hosttest.NewFake(), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fake, err := hosttest.ReadFake(f)
	return recorded{standin.Desk{Fake: fake}}, err
}

// examineFake is what host.Examine says of a computer where names are in the
// way, and programs say what they like.
func examineFake(context.Context) []host.Finding {
	me := account.Caller()
	return []host.Finding{
		{About: "system", Found: "Test Linux"},
		{About: "/proc", Found: "open /home/bob/x: permission denied (error 13) for " + me},
		{About: "notifications", Found: "\x1b[2Jevil \u202e of bob's"},
		{About: "session 1", Found: "pts/0, user 1, terminal"},
	}
}

// recorded is a fake computer whose screens outlive the process.
type recorded struct{ standin.Desk }

func (r recorded) Close() error { return r.Save(os.Getenv("MSG_TEST_SCREENS")) }

// TestScripts runs the scripts. Besides testscript's own commands they have
//
//	exits CODE COMMAND...      run COMMAND, which must exit with CODE
//	interrupt COMMAND...       press Ctrl-C when COMMAND has printed something;
//	                           it must exit with 130
//	bytes FILE PART...         write a file; \x1b and the like are bytes, and
//	                           '3*ab' is ababab
//	setbytes VARIABLE PART...  the same for an environment variable
//	samelines FILE1 FILE2      like cmp, but the lines may be in any order
//	plain FILE...              the files hold no byte that a terminal acts on
//	daemon [HOST [PEOPLE]]     see standin.Daemon
//	meanwhile FILE COMMAND...  run COMMAND and, when it has printed something,
//	                           each line of FILE by a shell; what these print
//	                           goes to FILE.out, the exit code of COMMAND to
//	                           FILE.code
//	watch FILE COMMAND...      run COMMAND with a terminal for standard error;
//	                           what comes there goes to FILE
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata",
		RequireUniqueNames: true,
		Setup:              setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     hosttest.Exits,
			"interrupt": interrupt,
			"bytes": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), unescape(ts, args[1:]), 0o644))
			},
			"setbytes": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], string(unescape(ts, args[1:])))
			},
			"samelines": sameLines,
			"plain":     hosttest.Plain,
			"daemon":    standin.Daemon,
			"meanwhile": meanwhile,
			"watch":     watch,
		},
	})
}

type environment struct{} // key of a script's environment

func setUp(env *testscript.Env) error {
	env.Setenv("MSG_TEST_PEOPLE", filepath.Join(env.WorkDir, "people.json"))
	env.Setenv("MSG_TEST_SCREENS", filepath.Join(env.WorkDir, "screens"))
	env.Setenv("LC_ALL", "C.UTF-8")
	// The race detector keeps each process for a second at its end.
	env.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	env.Setenv("HOST", name)
	if err := standin.Setup(env); err != nil {
		return err
	}
	env.Setenv("TZ", "UTC")
	env.Values[environment{}] = env.Vars
	return os.Mkdir(filepath.Join(env.WorkDir, "screens"), 0o755)
}

// interrupt gives the command a terminal to read from, on which nobody types,
// and the environment that the script began with.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: interrupt COMMAND...")
	}
	keyboard, stdin, err := pty.Open()
	ts.Check(err)
	defer keyboard.Close()
	defer stdin.Close()
	code := begin(ts, args, stdin, func(p *os.Process) { ts.Check(p.Signal(os.Interrupt)) })
	if code != 130 {
		ts.Fatalf("%s exits with %d, not 130", args[0], code)
	}
}

// begin runs a command in the environment that the script began with, calls
// then when it has printed something, and returns its exit code.
func begin(ts *testscript.TestScript, args []string, stdin *os.File, then func(*os.Process)) int {
	out := output{begun: make(chan struct{})}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), ts.Value(environment{}).([]string)
	cmd.Stdout, cmd.Stderr = stream{&out, &out.stdout}, stream{&out, &out.stderr}
	if stdin != nil {
		cmd.Stdin = stdin
	}
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	select {
	case <-out.begun:
		then(cmd.Process)
		err = <-ended
	case err = <-ended:
		// Too early, and the exit code says so.
	}
	_, _ = ts.Stdout().Write(out.stdout.Bytes())
	_, _ = ts.Stderr().Write(out.stderr.Bytes())
	return hosttest.ExitCode(ts, err)
}

func meanwhile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: meanwhile FILE COMMAND...")
	}
	file := ts.MkAbs(args[0])
	code := begin(ts, args[1:], nil, func(*os.Process) {
		sh := exec.Command("sh", file)
		sh.Dir, sh.Env = ts.MkAbs("."), ts.Value(environment{}).([]string)
		out, _ := sh.CombinedOutput() // an exit code is printed by the script
		ts.Check(os.WriteFile(file+".out", out, 0o644))
	})
	ts.Check(os.WriteFile(file+".code", []byte(strconv.Itoa(code)+"\n"), 0o644))
}

func watch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: watch FILE COMMAND...")
	}
	screen, stderr, err := pty.Open()
	ts.Check(err)
	defer screen.Close()
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), ts.Value(environment{}).([]string)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), stderr
	ts.Check(cmd.Start())
	stderr.Close()
	shown, _ := io.ReadAll(screen) // ends with an error, as terminals do
	_ = cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), shown, 0o644))
}

// output is what a process has printed so far.
type output struct {
	stdout, stderr bytes.Buffer
	begun          chan struct{} // closed by the first byte
	once           sync.Once
}

type stream struct {
	*output
	to *bytes.Buffer
}

func (s stream) Write(b []byte) (int, error) {
	s.once.Do(func() { close(s.begun) })
	return s.to.Write(b)
}

var repeated = regexp.MustCompile(`(?s)^(\d+)\*(.*)$`)

// unescape reads the parts of the commands bytes and setbytes.
func unescape(ts *testscript.TestScript, parts []string) []byte {
	var b strings.Builder
	for _, part := range parts {
		times := 1
		if m := repeated.FindStringSubmatch(part); m != nil {
			n, err := strconv.Atoi(m[1])
			ts.Check(err)
			times, part = n, m[2]
		}
		s, err := strconv.Unquote(`"` + strings.ReplaceAll(part, `"`, `\"`) + `"`)
		if err != nil {
			ts.Fatalf("%q: %v", part, err)
		}
		b.WriteString(strings.Repeat(s, times))
	}
	return []byte(b.String())
}

// sameLines is for what comes from several sessions side by side.
func sameLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: samelines FILE1 FILE2")
	}
	got, want := strings.SplitAfter(ts.ReadFile(args[0]), "\n"), strings.SplitAfter(ts.ReadFile(args[1]), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		ts.Fatalf("%s has these lines:\n%s\nand not those of %s:\n%s", args[0], strings.Join(got, ""), args[1], strings.Join(want, ""))
	}
}
