// Package fleetchaos kills hubs, members and senders of a fleet, cuts the
// network between them, and counts what was shown.
//
// It promises that whatever is killed, and when: a message that was accepted is
// shown on each member that it is for, once, and the sender knows what came of
// it. The hub and the sender are processes of the real msgd; members are real
// ones as well, hundreds in one process, with people who are not there.
package fleetchaos

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"msg/internal/hosttest"
)

//go:embed namespace.sh
var namespaceScript string

// What tells this program that it is one of the others.
const (
	markNamespace = "MSG_TEST_CHAOS"        // it runs in namespaces of its own
	markMember    = "MSG_TEST_CHAOS_MEMBER" // it is one member with a journal
)

func TestMain(m *testing.M) {
	flag.Parse()
	switch {
	case os.Getenv(markMember) != "":
		os.Exit(memberMain())
	case os.Getenv(markNamespace) != "" || noNamespaces() != "":
		os.Exit(m.Run())
	}
	os.Exit(hosttest.InNamespaces(namespaceScript, os.Args[1:], append(os.Environ(), markNamespace+"=1")))
}

// noNamespaces says why there cannot be any here, or nothing.
func noNamespaces() string {
	switch {
	case testing.Short():
		return "not with -short"
	case runtime.GOOS != "linux":
		return "needs Linux, this is " + runtime.GOOS
	case os.Geteuid() != 0:
		return "needs root, for mounts and namespaces"
	}
	for _, tool := range []string{"unshare", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Sprintf("needs the program %q, see test/install-tools", tool)
		}
	}
	return ""
}

// needNamespaces skips a test that cannot be without.
func needNamespaces(t *testing.T) {
	t.Helper()
	if why := noNamespaces(); why != "" {
		t.Skip(why)
	}
}

// needLinux skips what kills processes.
func needLinux(t *testing.T) {
	t.Helper()
	switch {
	case testing.Short():
		t.Skip("not with -short")
	case runtime.GOOS != "linux":
		t.Skip("needs Linux, this is " + runtime.GOOS)
	}
}

var programs struct {
	sync.Once
	dir string
	err error
}

// program is the path of a command of this project, built once.
func program(t testing.TB, name string) string {
	t.Helper()
	programs.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "programs"); programs.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", programs.dir+string(filepath.Separator), "msg/cmd/msgd", "msg/cmd/query", "msg/test/fleetchaos/crew").CombinedOutput()
		if err != nil {
			programs.err = fmt.Errorf("building the commands: %v\n%s", err, out)
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return filepath.Join(programs.dir, name)
}
