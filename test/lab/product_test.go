package lab_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"msg"
	"msg/test/lab"
)

// built is where the commands under test are. MSG_BIN names a directory that
// has msg and query already, such as those of a package to be released; else
// they are built here, once.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func buildCommands() {
	if built.dir = os.Getenv("MSG_BIN"); built.dir != "" {
		return
	}
	if built.dir, built.err = os.MkdirTemp("", "msg-lab-bin"); built.err != nil {
		return
	}
	cmd := exec.Command("go", "build", "-o", built.dir+string(filepath.Separator), "msg/cmd/msg", "msg/cmd/query", "msg/cmd/msgd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		built.err = errors.New(string(out))
	}
}

// removeCommands undoes buildCommands.
func removeCommands() {
	if built.dir != "" && os.Getenv("MSG_BIN") == "" {
		_ = os.RemoveAll(built.dir)
	}
}

// install puts the commands on a host, under all their names.
func install(t testing.TB, host *lab.Host) {
	t.Helper()
	built.once.Do(buildCommands)
	if built.err != nil {
		t.Fatalf("building the commands: %v", built.err)
	}
	for _, name := range []string{"msg", "query"} {
		host.Copy(filepath.Join(built.dir, name), "/usr/local/bin/"+name)
	}
	for _, name := range []string{"quser", "qwinsta"} {
		host.Must("ln", "-s", "query", "/usr/local/bin/"+name)
	}
}

// eachInstalled is eachSuite with the commands installed.
func eachInstalled(t *testing.T, test func(t *testing.T, host *lab.Host)) {
	eachSuite(t, func(t *testing.T, host *lab.Host) {
		install(t, host)
		test(t, host)
	})
}

// signIn opens n terminals by ssh at once, of alice and bob by turns, and
// returns when all are there.
func signIn(host *lab.Host, n int) []*lab.Term {
	terms := make([]*lab.Term, n)
	for i := range terms {
		terms[i] = host.SSH([]string{"alice", "bob"}[i%2])
	}
	for _, term := range terms {
		term.TTY()
	}
	return terms
}

// ttys are the names of the terminals, sorted.
func ttys(terms []*lab.Term) []string {
	var names []string
	for _, term := range terms {
		names = append(names, term.TTY())
	}
	slices.Sort(names)
	return names
}

// sessionsOf reads the output of query session /json.
func sessionsOf(t *testing.T, out string) []msg.Session { return readJSON[msg.Session](t, out) }

// receiptsOf reads the output of msg /json.
func receiptsOf(t *testing.T, out string) []msg.Receipt { return readJSON[msg.Receipt](t, out) }

func readJSON[T any](t *testing.T, out string) []T {
	t.Helper()
	var all []T
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var one T
		err := dec.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		all = append(all, one)
	}
}
