package wine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"

	"msg/test/wine"
)

func TestMain(m *testing.M) {
	code := m.Run()
	wine.RemoveBuilt()
	os.Exit(code)
}

// fewestRuns is how many runs of our programs TestCommands has at least.
const fewestRuns = 100

// computer runs the scripts' commands.
type computer struct {
	programs map[string]string // our programs, by the name they are called
	launch   string
	runs     atomic.Int32
}

// TestCommands runs the scripts, in which the real programs meet the table
// sessions.txt of the script. Besides testscript's own commands they have
//
//	msg, query, qwinsta, quser CODE ARG...
//	              run that program, which must exit with CODE
//	raw CODE FILE [CODEPAGE]
//	              give FILE to CreateProcessW as a command line; %msg% in it is
//	              msg.exe. With CODEPAGE the program has a console of that
//	              code page.
//	bat CODE FILE run FILE as a batch file by Wine's cmd, with msg and query on
//	              the path
//	terminal FILE PROGRAM ARG...
//	              run PROGRAM on a terminal; what it shows goes to FILE
//	crlf FILE...  give the files the line ends of Windows
//	bytes FILE TEXT
//	              write a file; \x1b and the like in TEXT are bytes
//	repeat FILE N UNIT
//	              write UNIT N times
//	within TIME PROGRAM CODE ARG...
//	              run one of our programs, which may take so long
//	sent          print the messages that were sent since the last time, with
//	              every argument, by server and session
//	calls         print the names of all functions that were called since
//
// After every program whatever it was given by the system has to be freed.
func TestCommands(t *testing.T) {
	p := wine.Boot(t)
	c := &computer{launch: wine.Shim(t, "launch.exe"), programs: programs(t)}
	t.Run("scripts", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                "testdata",
			RequireUniqueNames: true,
			Setup:              func(env *testscript.Env) error { return c.setUp(p, env) },
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"msg": c.program("msg"), "query": c.program("query"), "qwinsta": c.program("qwinsta"), "quser": c.program("quser"),
				"within": c.within, "raw": c.raw, "bat": c.bat, "terminal": c.terminal, "crlf": crlf, "bytes": writeBytes, "repeat": repeat, "sent": sent, "calls": calls,
			},
		})
	})
	if n := c.runs.Load(); !t.Failed() && n < fewestRuns {
		t.Errorf("there are %d runs in the scripts, want %d", n, fewestRuns)
	} else {
		t.Logf("%d runs", n)
	}
}

// programs are ours under all their names. On Windows a name is a copy.
func programs(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"msg": wine.Build(t, "msg/cmd/msg"), "query": wine.Build(t, "msg/cmd/query")}
	for _, name := range []string{"qwinsta", "quser"} {
		all[name] = filepath.Join(filepath.Dir(all["query"]), name+".exe")
		if err := os.Link(all["query"], all[name]); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
	}
	return all
}

func (c *computer) setUp(p *wine.Prefix, env *testscript.Env) error {
	env.Vars = append(env.Vars, p.Env()...)
	env.Vars = append(env.Vars, wine.DeskEnv(env.WorkDir))
	return nil
}

// program is the command that runs one of our programs.
func (c *computer) program(name string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) == 0 {
			ts.Fatalf("usage: %s CODE ARG...", name)
		}
		c.run(ts, args[0], append([]string{c.programs[name]}, args[1:]...))
	}
}

func (c *computer) within(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: within TIME PROGRAM CODE ARG...")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	begin := time.Now()
	c.program(args[1])(ts, false, args[2:])
	if took := time.Since(begin); took > limit {
		ts.Fatalf("it took %v, more than %v", took, limit)
	}
}

// run runs a program of Windows and looks at what it leaves.
func (c *computer) run(ts *testscript.TestScript, code string, args []string) {
	c.runs.Add(1)
	want, err := strconv.Atoi(code)
	ts.Check(err)
	err = ts.Exec("wine", args...)
	var exit *exec.ExitError
	is := 0
	if errors.As(err, &exit) {
		is = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if is != want {
		ts.Fatalf("it exits with %d, not %d", is, want)
	}
	log, err := wine.ReadCalls(ts.MkAbs("."))
	ts.Check(err)
	ts.Check(wine.Untidy(log))
}

func (c *computer) raw(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: raw CODE FILE [CODEPAGE]")
	}
	line := strings.ReplaceAll(ts.ReadFile(args[1]), "%msg%", `"`+wine.Path(c.programs["msg"])+`"`)
	file := ts.MkAbs("command-line")
	ts.Check(os.WriteFile(file, []byte(line), 0o644))
	c.run(ts, args[0], append([]string{c.launch, wine.Path(file)}, args[2:]...))
}

func (c *computer) bat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: bat CODE FILE")
	}
	lines := strings.ReplaceAll(ts.ReadFile(args[1]), "\n", "\r\n")
	head := "@echo off\r\nset PATH=" + wine.Path(filepath.Dir(c.programs["msg"])) + ";%PATH%\r\n"
	file := ts.MkAbs("script.bat")
	ts.Check(os.WriteFile(file, []byte(head+lines), 0o644))
	c.run(ts, args[0], []string{"cmd.exe", "/c", wine.Path(file)})
}

// terminalLimit is how long a program on a terminal may take.
const terminalLimit = 20 * time.Second

// terminal runs a program on a terminal, which Wine makes a console of Windows.
// Nobody types: in Wine 8 Ctrl-Z does not end what is typed.
func (c *computer) terminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: terminal FILE PROGRAM ARG...")
	}
	c.runs.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), terminalLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "wine", append([]string{c.programs[args[1]]}, args[2:]...)...)
	for _, name := range []string{"PATH", "HOME", "WINEPREFIX", "WINEDEBUG", "WINEDLLOVERRIDES", "LC_ALL", "TZ", "TMPDIR", "MSGTEST"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Env = append(cmd.Env, "TERM=xterm")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 100})
	ts.Check(err)
	defer f.Close()
	shown, _ := io.ReadAll(f) // ends with an error when the other end is closed
	ts.Check(cmd.Wait())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), shown, 0o644))
}

func crlf(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: crlf FILE...")
	}
	for _, name := range args {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(strings.ReplaceAll(ts.ReadFile(name), "\n", "\r\n")), 0o644))
	}
}

func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: bytes FILE TEXT")
	}
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat FILE N UNIT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(args[2], n)), 0o644))
}

func takeLog(ts *testscript.TestScript) []wine.Call {
	log, err := wine.ReadCalls(ts.MkAbs("."))
	ts.Check(err)
	if err := os.Remove(ts.MkAbs("calls.jsonl")); !errors.Is(err, os.ErrNotExist) {
		ts.Check(err)
	}
	return log
}

func sent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: sent")
	}
	for _, m := range wine.Sent(takeLog(ts)) {
		fmt.Fprintln(ts.Stdout(), m)
	}
}

func calls(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: calls")
	}
	for _, m := range takeLog(ts) {
		fmt.Fprintln(ts.Stdout(), m.Fn, m.Server, m.Session)
	}
}
