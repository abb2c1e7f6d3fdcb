package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"msg"
	"msg/internal/cli"
	"msg/internal/control"
	"msg/internal/hosttest"
	"msg/internal/hosttest/standin"
	"msg/internal/route"
)

// TestMain makes the command known by its three names: which one it was called
// by says what is listed.
func TestMain(m *testing.M) {
	query := func() {
		router := standin.Router(os.Getenv)
		router.Open = openFake
		os.Exit(run(router))
	}
	testscript.Main(m, map[string]func(){
		"query": query, "qwinsta": query, "quser": query,
		"ssh": func() { os.Exit(standin.SSH(os.Args[1:], os.Getenv)) },
		"say": func() { os.Exit(say(os.Args[1:])) },
	})
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
//	daemon [HOST [PEOPLE]]     see standin.Daemon
//
// and the program say, see there.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata",
		RequireUniqueNames: true,
		Setup:              setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    hosttest.Exits,
			"setbytes": setBytes,
			"plain":    hosttest.Plain,
			"daemon":   standin.Daemon,
		},
	})
}

func setUp(env *testscript.Env) error {
	env.Setenv("MSG_TEST_PEOPLE", filepath.Join(env.WorkDir, "people.json"))
	env.Setenv("LC_ALL", "C.UTF-8")
	// The race detector keeps each process for a second at its end.
	env.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	env.Setenv("TZ", "UTC")
	name, err := os.Hostname()
	env.Setenv("HOST", name)
	if err != nil {
		return err
	}
	return standin.Setup(env)
}

// say sends a message through the msgd of the script: say PEOPLE TEXT. It is
// msg without what a test of query does not need.
func say(args []string) int {
	target, err := msg.ParseTarget(args[0])
	if err == nil {
		now := time.Now()
		m := msg.Message{ID: msg.NewID(now), Text: args[1], Sent: now, Timeout: time.Second, Wait: true, Queue: time.Hour}
		client := control.NewClient(control.DialLocal(standin.Router(os.Getenv).Socket), "")
		err = client.Send(context.Background(), target, m, func(msg.Receipt) {})
		fmt.Println(m.ID)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func setBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: setbytes VARIABLE STRING")
	}
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(args[1], `"`, `\"`) + `"`)
	ts.Check(err)
	ts.Setenv(args[0], s)
}

// TestNoReceipts prints a message that reached nobody: a program that reads it
// finds a list all the same.
func TestNoReceipts(t *testing.T) {
	var out strings.Builder
	p := program{out: &cli.Output{W: &out}}
	if code := p.showMessages([]msg.Record{{To: []string{"zoe"}}}, "", cli.Query{JSON: true}); code != cli.ExitOK {
		t.Errorf("exits with %d", code)
	}
	if !strings.Contains(out.String(), `"to":["zoe"],"receipts":[]}`) {
		t.Errorf("prints %s", out.String())
	}
}

// TestInterrupted presses Ctrl-C while somebody is asked: no error is told of.
func TestInterrupted(t *testing.T) {
	for kind, words := range map[string][]string{"session": nil, "host": nil, "user": {"/server:*"}} {
		ctx, cancel := context.WithCancel(t.Context())
		if kind != "session" { // at once, where nothing can be put in the way
			cancel()
		}
		stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
		if err != nil {
			t.Fatal(err)
		}
		p := program{in: os.Stdin, stdout: stderr, stderr: stderr, router: route.Router{
			Socket: filepath.Join(t.TempDir(), "none"),
			Open: func() (msg.Host, error) {
				cancel()
				return nil, errors.New("interrupted")
			},
		}}
		code := p.main(ctx, "query", append([]string{kind}, words...))
		printed, err := os.ReadFile(stderr.Name())
		if code != cli.ExitInterrupted || err != nil || len(printed) > 0 {
			t.Errorf("query %s exits with %d and prints %q, %v", kind, code, printed, err)
		}
		stderr.Close()
		cancel()
	}
}
