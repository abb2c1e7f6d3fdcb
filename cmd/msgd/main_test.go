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
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

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
//	hub ARGUMENT...        start msgd hub serve, and wait until it is ready
//	eventually PATTERN COMMAND...
//	                       run COMMAND until what it prints matches PATTERN
//	token FILE ARGUMENT... have the hub make a join token
//	join FILE ARGUMENT...  run msgd join with that token
func TestScripts(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("msgd runs on Linux")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireUniqueNames: true, Setup: setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": hosttest.Exits, "serve": serve, "signal": sendSignal, "ask": ask, "hub": serveHub, "eventually": eventually, "token": token, "join": join,
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
	for _, name := range []string{"HUB", "LEAF"} {
		port, err := net.Listen("tcp", "127.0.0.1:0") // one that is free
		if err != nil {
			return err
		}
		env.Setenv(name, port.Addr().String())
		if err := port.Close(); err != nil {
			return err
		}
	}
	for _, name := range []string{"msgd", "other"} {
		config := fmt.Sprintf("[journal]\npath = %q\n[fleet]\npath = %q\n", filepath.Join(run, name+".db"), filepath.Join(run, name+".fleet"))
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

// serve is in the place of systemd: msgd says on a socket when it is ready.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: serve ARGUMENT...")
	}
	start(ts, ts.Value(process{}).(*running), append([]string{"serve"}, args...))
}

// serveHub is the same for a hub, which ends with the script.
func serveHub(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: hub ARGUMENT...")
	}
	start(ts, &running{}, append([]string{"hub", "serve"}, args...))
}

// start starts msgd and waits until it is ready.
func start(ts *testscript.TestScript, r *running, args []string) {
	path := filepath.Join(ts.Getenv("RUN"), "notify")
	_ = os.Remove(path)
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	ts.Check(err)
	defer l.Close()
	*r = running{ended: make(chan error, 1), cmd: exec.Command("msgd", args...)}
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

// eventually runs a command again and again until it prints what it should:
// what happens elsewhere tells nobody here.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually PATTERN COMMAND...")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		cmd := exec.CommandContext(ctx, args[1], args[2:]...)
		cmd.Dir, cmd.Env = ts.MkAbs("."), ts.Value(environment{}).([]string)
		out, err := cmd.CombinedOutput()
		if want.Match(out) {
			return
		}
		if ctx.Err() != nil {
			ts.Fatalf("%s never prints %s, but %v and\n%s", args[1], want, err, out)
		}
	}
}

var signals = map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": os.Interrupt, "KILL": os.Kill}

func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || signals[args[0]] == nil {
		ts.Fatalf("usage: signal NAME")
	}
	r := ts.Value(process{}).(*running)
	ts.Check(r.cmd.Process.Signal(signals[args[0]]))
	code := hosttest.ExitCode(ts, <-r.ended)
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

// token has the hub make a token, which join uses: it is not known before.
func token(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: token FILE ARGUMENT...")
	}
	ts.Check(ts.Exec("msgd", append([]string{"hub", "token"}, args[1:]...)...))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile("stdout")), 0o600))
}

// join joins with the token in a file; whether that went well is looked at
// afterwards.
func join(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: join FILE ARGUMENT...")
	}
	_ = ts.Exec("msgd", append([]string{"join", strings.TrimSpace(ts.ReadFile(args[0]))}, args[1:]...)...)
}
