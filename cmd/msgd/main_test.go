package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"msg/internal/hosttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"msgd": func() { os.Exit(run(openFake)) },
	})
}

// fake is the computer that the script describes in people.json. What its
// sessions were shown is written to the folder screens at once, so that it is
// there also if msgd is killed. Nobody who is really signed in can be sent
// anything.
type fake struct{ *hosttest.Fake }

func openFake() (computer, error) {
	f, err := os.Open(os.Getenv("MSGD_TEST_PEOPLE"))
	if errors.Is(err, fs.ErrNotExist) {
		return fake{hosttest.NewFake()}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	people, err := hosttest.ReadFake(f)
	return fake{people}, err
}

// Keep has nothing to do: the people of a fake sit still.
func (fake) Keep(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Close writes down what was shown.
func (f fake) Close() error {
	list, err := f.Sessions(context.Background())
	if err != nil {
		return err
	}
	for _, s := range list {
		name := filepath.Join(os.Getenv("MSGD_TEST_SCREENS"), s.ID)
		if err := os.WriteFile(name, []byte(f.Screen(s).String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// TestScripts runs the scripts. Besides testscript's own commands they have
//
//	exits CODE COMMAND...  run COMMAND, which must exit with CODE
//	serve ARGUMENT...      start msgd serve, and wait until it says that it is
//	                       ready; its log is in msgd.log
//	signal NAME            send msgd a signal (TERM, INT, KILL), and wait for its
//	                       end; its exit status is in $STATUS
//	ask FILE COMMAND...    run COMMAND, which answers the request in FILE
func TestScripts(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("msgd runs on Linux")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireUniqueNames: true, Setup: setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "serve": serve, "signal": sendSignal, "ask": ask,
		},
	})
}

func setUp(env *testscript.Env) error {
	env.Setenv("MSGD_TEST_PEOPLE", filepath.Join(env.WorkDir, "people.json"))
	env.Setenv("MSGD_TEST_SCREENS", filepath.Join(env.WorkDir, "screens"))
	// The race detector keeps each process for a second at its end.
	env.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	// The path of a socket has at most 107 bytes.
	run, err := os.MkdirTemp("", "msgd")
	if err != nil {
		return err
	}
	env.Defer(func() { _ = os.RemoveAll(run) })
	env.Setenv("RUN", run)
	for _, name := range []string{"msgd", "other"} {
		config := fmt.Sprintf("[journal]\npath = %q\n", filepath.Join(run, name+".db"))
		if err := os.WriteFile(filepath.Join(env.WorkDir, name+".toml"), []byte(config), 0o644); err != nil {
			return err
		}
	}
	env.Values[process{}] = &running{}
	env.Values[environment{}] = env.Vars
	return os.Mkdir(filepath.Join(env.WorkDir, "screens"), 0o755)
}

// Keys of what belongs to a script.
type (
	environment struct{} // its variables
	process     struct{} // the msgd that it has started
)

// running is the msgd that a script has started.
type running struct {
	cmd   *exec.Cmd
	log   bytes.Buffer
	ended chan error
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if code := exitCode(ts, ts.Exec(args[1], args[2:]...)); code != want {
		ts.Fatalf("%s exits with %d, not %d", args[1], code, want)
	}
}

func exitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// serve is in the place of systemd: msgd says on a socket when it is ready.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: serve ARGUMENT...")
	}
	path := filepath.Join(ts.Getenv("RUN"), "notify")
	_ = os.Remove(path)
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	ts.Check(err)
	defer l.Close()
	r := ts.Value(process{}).(*running)
	*r = running{ended: make(chan error, 1), cmd: exec.Command("msgd", append([]string{"serve"}, args...)...)}
	r.cmd.Dir, r.cmd.Stderr = ts.MkAbs("."), &r.log
	r.cmd.Env = append(ts.Value(environment{}).([]string), "NOTIFY_SOCKET="+path)
	ts.Check(r.cmd.Start())
	ts.Defer(func() { _ = r.cmd.Process.Kill() })
	go func() { r.ended <- r.cmd.Wait() }()
	message := make(chan string, 1)
	go func() {
		b := make([]byte, 100)
		n, _ := l.Read(b)
		message <- string(b[:n])
	}()
	select {
	case got := <-message:
		if got != "READY=1" {
			ts.Fatalf("msgd tells systemd %q", got)
		}
	case <-r.ended:
		ts.Fatalf("msgd has ended:\n%s", r.log.String())
	}
}

var signals = map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": os.Interrupt, "KILL": os.Kill}

func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || signals[args[0]] == nil {
		ts.Fatalf("usage: signal NAME")
	}
	r := ts.Value(process{}).(*running)
	ts.Check(r.cmd.Process.Signal(signals[args[0]]))
	code := exitCode(ts, <-r.ended)
	ts.Setenv("STATUS", strconv.Itoa(code))
	ts.Check(os.WriteFile(ts.MkAbs("msgd.log"), r.log.Bytes(), 0o644))
}

// ask keeps the input of the command open until everything has been answered,
// as a client does.
func ask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ask FILE COMMAND...")
	}
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Env = ts.Value(environment{}).([]string)
	in, err := cmd.StdinPipe()
	ts.Check(err)
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	_, err = io.WriteString(in, ts.ReadFile(args[0]))
	ts.Check(err)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(ts.Stdout(), lines.Text())
	}
	ts.Check(in.Close())
	ts.Check(cmd.Wait())
}
