// Package wine gives tests a Windows: a Wine prefix in which the Terminal
// Services answer from a table and log every call, so that the real programs
// run from end to end.
//
//	p := wine.Boot(t)
//	desk := p.Desk(t)
//	desk.Sessions(".|1|Console|active|bob|VM||resp=1")
//	out, err := desk.Command(wine.Build(t, "msg/cmd/msg"), "bob", "hello").Output()
//	calls := desk.Calls()
//
// Wine's own wtsapi32.dll does nothing. The one here is ours, in C, in the
// folder shim; it is in the prefix only, and the programs know nothing of it.
// What the table can say is in shim/table.c.
//
// It needs Debian's wine, with a 64-bit Wine, and gcc-mingw-w64-x86-64; a test
// is skipped without them, and with -short.
//
// What is seen here is how our programs behave, not how Windows does: rights,
// real consoles and real boxes are left to a real Windows.
package wine

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

//go:embed serve.sh
var serveScript string

// Prefix is a Windows that runs until the test ends.
type Prefix struct {
	Dir string // the folder of Wine's prefix
	env []string
}

// Boot starts Windows. It is made once and kept in the user's cache; tests take
// turns. More of the environment, such as DISPLAY, is for all its programs.
func Boot(t testing.TB, environ ...string) *Prefix {
	t.Helper()
	version := need(t)
	cache, err := cacheDir()
	if err != nil {
		t.Fatalf("wine: the folder of the cache: %v", err)
	}
	p := &Prefix{Dir: filepath.Join(cache, "wine-"+fingerprint(version, serveScript))}
	p.env = append(baseEnv(p.Dir), environ...)
	p.serve(t, shims(t, cache))
	return p
}

// need ends the test unless this computer can run Windows programs, and returns
// the version of Wine.
func need(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("wine: not with -short")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skipf("wine: needs Linux on amd64, this is %s on %s", runtime.GOOS, runtime.GOARCH)
	}
	for _, tool := range []string{"wine", "bash", "flock", "setsid", compiler} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("wine: needs the program %q (Debian: apt install --no-install-recommends wine wine64 gcc-mingw-w64-x86-64)", tool)
		}
	}
	version, err := exec.Command("wine", "--version").Output()
	if err != nil {
		t.Skipf("wine: wine --version fails: %v", err)
	}
	return string(version)
}

// baseEnv is what every program of Windows sees of this computer's. Without
// a UTF-8 locale Wine would lose arguments that are not ASCII. Its server is
// found by TMPDIR, which has to be the same for all.
func baseEnv(prefix string) []string {
	env := []string{"WINEPREFIX=" + prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=winemenubuilder.exe=", "LC_ALL=C.UTF-8", "TZ=UTC", "TMPDIR=/tmp"}
	for _, name := range []string{"PATH", "HOME", "USER", "XDG_CACHE_HOME"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// serve runs serve.sh until the test ends.
func (p *Prefix) serve(t testing.TB, shims string) {
	t.Helper()
	// A session of its own: what ends the test from outside, all its processes
	// at once, would end Wine's server before the programs of Windows.
	cmd := exec.Command("setsid", "bash", "-c", serveScript, "serve.sh", p.Dir, shims)
	cmd.Env = p.env
	var told bytes.Buffer
	cmd.Stderr = &told
	cmd.WaitDelay = 10 * time.Second // a program that has the pipe and stays
	held, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("wine: %v", err)
	}
	ready, _ := bufio.NewReader(out).ReadString('\n')
	t.Cleanup(func() {
		held.Close()
		_ = cmd.Wait()
	})
	if ready != "ready\n" {
		held.Close()
		err := cmd.Wait()
		t.Fatalf("wine: Windows did not start: %v\n%s", err, told.String())
	}
}

// Command is a program of Windows with its arguments.
func (p *Prefix) Command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command("wine", append([]string{program}, args...)...)
	cmd.Env = p.Env()
	return cmd
}

// Env is the environment in which Wine finds the prefix.
func (p *Prefix) Env() []string { return append([]string(nil), p.env...) }

// Path is how a file of this computer is called on Windows.
func Path(file string) string { return `Z:` + strings.ReplaceAll(file, "/", `\`) }

// cacheDir returns the folder of what is kept between runs.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "msg-test")
	return dir, os.MkdirAll(dir, 0o755)
}

func fingerprint(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:6])
}
