package fleet_test

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"msg/internal/hosttest"
)

var (
	//go:embed member.sh
	memberScript string
	//go:embed network.sh
	networkScript string
)

// soon is far more than anything takes on a busy computer.
const soon = 30 * time.Second

// need skips where there can be no namespaces.
func need(t *testing.T) {
	t.Helper()
	switch {
	case testing.Short():
		t.Skip("not with -short")
	case runtime.GOOS != "linux":
		t.Skipf("needs Linux, this is %s", runtime.GOOS)
	case os.Geteuid() != 0:
		t.Skip("needs root, for mounts and namespaces")
	}
	for _, tool := range []string{"unshare", "nsenter", "ip", "script", "setpriv"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs the program %q", tool)
		}
	}
}

// process is a program with what it writes.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *hosttest.Screen
	done chan struct{}
	end  sync.Once
}

// start starts a program that ends with the test.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(args[0], args[1:]...), out: &hosttest.Screen{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/root", "TERM=xterm", "LANG=C.UTF-8", "PS1=ready> "}
	p.cmd.WaitDelay = time.Second // what it has started may hold its output
	in, err := p.cmd.StdinPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.in = in
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is of no interest
	}()
	t.Cleanup(p.stop)
	return p
}

// stop kills it, and waits for its end. nsenter only waits for the program that
// it has put into the namespaces.
func (p *process) stop() {
	p.end.Do(func() {
		_ = p.in.Close()
		for _, pid := range children(p.cmd.Process.Pid) {
			if child, err := os.FindProcess(pid); err == nil {
				_ = child.Kill() // it may have ended already
			}
		}
		_ = p.cmd.Process.Kill()
		<-p.done
	})
}

func children(pid int) []int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // gone: no children
	var pids []int
	for _, field := range strings.Fields(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// wait ends the test if the program does not write this.
func (p *process) wait(text string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), soon)
	defer cancel()
	if !p.out.Wait(ctx, text) {
		p.t.Fatalf("%q does not come from %v:\n%s", text, p.cmd.Args, p.out)
	}
}

func (p *process) typed(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// network is where computers are plugged into.
type network struct {
	t   *testing.T
	pid string
	bin string
}

// programs is where msg, query and msgd are, which are built once.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "msg-fleet")
	if err == nil {
		err = os.Chmod(dir, 0o755) // bob runs them
	}
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "msg/cmd/msg", "msg/cmd/query", "msg/cmd/msgd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w\n%s", err, out)
	}
	return dir, nil
})

// TestMain removes the programs.
func TestMain(m *testing.M) {
	code := m.Run()
	if built {
		dir, _ := programs()
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

var built bool // programs was called

func newNetwork(t *testing.T) *network {
	t.Helper()
	need(t)
	built = true
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	n := &network{t: t, bin: bin}
	p := start(t, "unshare", "--net", "--", "sh", "-c", networkScript)
	p.wait("up\n")
	n.pid = strconv.Itoa(p.cmd.Process.Pid)
	return n
}

// computer is one of the network.
type computer struct {
	*network
	name string
	pid  string // its process 1
}

// add plugs in a computer, which has an address that ends in number.
func (n *network) add(name string, number int) *computer {
	n.t.Helper()
	p := start(n.t, "unshare", "--mount", "--net", "--uts", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "--",
		"sh", "-c", memberScript, "member.sh", name)
	p.wait("up\n")
	inner := children(p.cmd.Process.Pid)
	if len(inner) != 1 {
		n.t.Fatalf("process 1 of %s is one of %v", name, inner)
	}
	c := &computer{n, name, strconv.Itoa(inner[0])}
	link := fmt.Sprintf("m%d", number)
	for _, line := range []string{
		"-t " + n.pid + " -n ip link add " + link + " type veth peer name eth0 netns " + c.pid,
		"-t " + n.pid + " -n ip link set " + link + " master br0 up",
		"-t " + c.pid + " -n ip addr add " + address(number) + "/24 dev eth0",
		"-t " + c.pid + " -n ip link set eth0 up",
	} {
		if out, err := exec.Command("nsenter", strings.Fields(line)...).CombinedOutput(); err != nil {
			n.t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	return c
}

func address(number int) string { return fmt.Sprintf("10.9.8.%d", number) }

// inside is the command line of a program on the computer.
func (c *computer) inside(args ...string) []string {
	return append([]string{"nsenter", "-t", c.pid, "-a", "--", "env", "PATH=" + c.bin + ":/usr/sbin:/usr/bin:/sbin:/bin"}, args...)
}

// start starts a program there, as root.
func (c *computer) start(args ...string) *process {
	c.t.Helper()
	return start(c.t, c.inside(args...)...)
}

// run runs a program there, as root, and returns what it wrote.
func (c *computer) run(args ...string) (stdout string, code int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), soon)
	defer cancel()
	line := c.inside(args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	if exit != nil {
		out = append(out, exit.Stderr...)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// must is run for what has to succeed.
func (c *computer) must(args ...string) string {
	c.t.Helper()
	out, code := c.run(args...)
	if code != 0 {
		c.t.Fatalf("%s: %s: exit code %d\n%s", c.name, strings.Join(args, " "), code, out)
	}
	return out
}

// signIn gives bob a terminal there, with a shell.
func (c *computer) signIn() *process {
	c.t.Helper()
	p := c.start("setpriv", "--reuid=1002", "--regid=1002", "--clear-groups", "script", "--quiet", "--flush", "--command", "env PS1='ready> ' sh -i", "/dev/null")
	p.wait("ready> ")
	return p
}
