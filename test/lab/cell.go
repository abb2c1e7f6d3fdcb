package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A cell is a shell script that runs as process 1 of namespaces of its own and
// ends, with everything below it, when its standard input does. The test holds
// the other end of that pipe: should the test be killed, the kernel closes it,
// so no run can leave processes, mounts or networks to the next.
type cell struct {
	cmd  *exec.Cmd
	hold io.WriteCloser
	out  *tape // what it wrote
	end  sync.Once
}

// startCell starts the command that makes the namespaces.
func startCell(name string, args ...string) (*cell, error) {
	// In a session of its own, so that Ctrl-C at the test does not reach it
	// before the test has ended it in order.
	cmd := exec.Command("setsid", append([]string{name}, args...)...)
	out := newTape()
	cmd.Stdout, cmd.Stderr = out, out
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &cell{cmd: cmd, hold: hold, out: out}
	go func() {
		_ = cmd.Wait() // the exit status of something that is always ended from outside says nothing
		_ = out.Close()
	}()
	return c, nil
}

// ended reports whether the cell is gone, and all its processes with it.
func (c *cell) ended() bool { return c.out.ended() }

// close ends the cell and returns when nothing of it is left.
func (c *cell) close() error {
	var err error
	c.end.Do(func() {
		_ = c.hold.Close()
		if c.waitEnd(5*time.Second) == nil {
			return
		}
		c.kill()
		err = c.waitEnd(5 * time.Second)
	})
	return err
}

func (c *cell) waitEnd(limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, errTooLong)
	defer cancel()
	err := c.out.wait(ctx, func([]byte) bool { return false })
	if !errors.Is(err, errEnded) {
		return fmt.Errorf("end of process %d: %w", c.cmd.Process.Pid, err)
	}
	return nil
}

// kill is for a script that does not listen. Process 1 goes first: with it the
// kernel ends all the others.
func (c *cell) kill() {
	if pid, ok := c.init(1); ok {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
			return
		}
	}
	_ = c.cmd.Process.Kill()
}

// init finds the process that is number 1 of a pid namespace so many levels
// below that of the test: level 1 is the script, level 2 the init of the host
// that it booted.
func (c *cell) init(level int) (pid int, ok bool) {
	return findInit(c.cmd.Process.Pid, level+len(namespacePIDs("self")))
}

// findInit searches the descendants of a process.
func findInit(pid, depth int) (int, bool) {
	in := namespacePIDs(strconv.Itoa(pid))
	if len(in) == depth && in[depth-1] == "1" {
		return pid, true
	}
	for _, child := range children(pid) {
		if found, ok := findInit(child, depth); ok {
			return found, true
		}
	}
	return 0, false
}

// namespacePIDs returns the numbers of a process, from the namespace of the
// test to its own.
func namespacePIDs(pid string) []string {
	status, _ := os.ReadFile("/proc/" + pid + "/status") // gone: no numbers
	for line := range strings.Lines(string(status)) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			return strings.Fields(numbers)
		}
	}
	return nil
}

func children(pid int) []int {
	list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // gone: no children
	var pids []int
	for _, field := range strings.Fields(string(list)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}
