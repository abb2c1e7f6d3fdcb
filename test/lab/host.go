package lab

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	//go:embed cell.sh
	cellScript string
	//go:embed host.sh
	hostScript string
)

// bootLimit is far more than a boot takes on a busy computer.
const bootLimit = 60 * time.Second

// A Host is a Linux computer of the lab. Its methods end the test when the lab
// itself fails.
type Host struct {
	Suite string // the Debian release
	Name  string // the host name
	Addr  string // the IP address, for the clients and the other hosts

	t       testing.TB
	rootfs  rootfs
	network *network
	cell    *cell
	pid     int // its process 1, as the test sees it
}

// Boot starts a host of a Debian release, "bookworm" or "trixie", and returns
// when its logind and its sshd answer. The host ends with the test.
func Boot(t testing.TB, suite string) *Host {
	t.Helper()
	return boot(t, serverFS(t, suite))
}

// boot starts a host with systemd.
func boot(t testing.TB, fs rootfs) *Host {
	t.Helper()
	h := start(t, fs, "--boot")
	h.booted()
	return h
}

// booted waits until a host with systemd is up.
func (h *Host) booted() {
	h.t.Helper()
	h.await("systemd and logind", func() bool {
		// Before systemd has replaced systemd-nspawn in process 1 there is
		// nothing to enter.
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", h.pid))
		return string(comm) == "systemd\n" && h.Run(h.t.Context(), "loginctl", "list-sessions").Code == 0
	})
	h.await("sshd", h.listening)
}

// PowerOff switches a host off as one pulls a plug. What is on its disk stays.
func (h *Host) PowerOff() {
	h.t.Helper()
	ctx, cancel := within(h.t, bootLimit)
	defer cancel()
	before := len(h.Console())
	_, err := io.WriteString(h.cell.hold, "off\n")
	if err == nil {
		err = h.cell.out.wait(ctx, func(text []byte) bool { return bytes.Contains(text[before:], []byte("lab: off\n")) })
	}
	if err != nil {
		h.t.Fatalf("lab: %s: switching it off: %v; its console:\n%s", h.Name, err, tail(h.Console()))
	}
}

// PowerOn switches a host of Boot or Desktop on again, and returns as those do.
func (h *Host) PowerOn() {
	h.t.Helper()
	old := h.pid
	if _, err := io.WriteString(h.cell.hold, "on\n"); err != nil {
		h.t.Fatalf("lab: %s: switching it on: %v", h.Name, err)
	}
	h.await("process 1", func() bool {
		pid, ok := h.cell.init(2)
		h.pid = pid
		return ok && pid != old
	})
	h.booted()
}

// Bare starts a host without systemd, logind, D-Bus, PAM and utmp, as Alpine
// Linux is: nothing but an sshd that knows no PAM. Only /proc tells who is
// signed in to it. The host ends with the test.
func Bare(t testing.TB, suite string) *Host {
	t.Helper()
	sshd := "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -o UsePAM=no"
	h := start(t, serverFS(t, suite), "--as-pid2", "/bin/sh", "-c", sshd)
	h.await("sshd", h.listening)
	return h
}

// start makes a host; args are those of systemd-nspawn that say what it runs.
func start(t testing.TB, fs rootfs, args ...string) *Host {
	t.Helper()
	net, number := joinNetwork(t)
	h := &Host{
		Suite: fs.suite, Name: fmt.Sprintf("%s%d", fs.name, number), Addr: address(number),
		t: t, rootfs: fs, network: net,
	}
	// The control group is the one name that other test runs can see.
	id := fmt.Sprintf("msg-lab-%d-%d", os.Getpid(), number)
	script := []string{"nsenter", "-t", strconv.Itoa(net.pid), "-n", "--", "sh", "-c", cellScript, "cell.sh", id,
		hostScript, "host.sh", h.Name, fs.root(), fmt.Sprintf("host%d", number), h.Addr}
	c, err := startCell(script[0], append(script[1:], args...)...)
	if err != nil {
		t.Fatalf("lab: %s: %v", h.Name, err)
	}
	h.cell = c
	t.Cleanup(h.close)
	h.await("process 1", func() (ok bool) { h.pid, ok = c.init(2); return ok })
	return h
}

// close switches the host off as one pulls a plug: nothing on it outlives the
// test, so nothing has to be saved, and an orderly shutdown waits for whatever
// a test left running.
func (h *Host) close() {
	if err := h.cell.close(); err != nil {
		h.t.Errorf("lab: %s: %v", h.Name, err)
	}
}

// await waits for something to come up, and ends the test with the console of
// the host if it does not.
func (h *Host) await(what string, ready func() bool) {
	h.t.Helper()
	ctx, cancel := within(h.t, bootLimit)
	defer cancel()
	var died bool
	err := poll(ctx, func() bool {
		died = h.cell.ended()
		return died || ready()
	})
	if died {
		err = errEnded
	}
	if err != nil {
		h.t.Fatalf("lab: %s: %s: %v; its console:\n%s", h.Name, what, err, tail(h.Console()))
	}
}

// listening reports whether something listens at port 22 of the host.
func (h *Host) listening() bool {
	sockets, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", h.pid)) // not up yet: no sockets
	return bytes.Contains(sockets, []byte(" 00000000:0016 00000000:0000 0A "))
}

// Console returns what the host has written to its console.
func (h *Host) Console() string { return h.cell.out.String() }

// A Result is what became of a program.
type Result struct {
	Stdout, Stderr string
	Code           int           // exit code, -1 if it was killed
	Took           time.Duration // from its start to its end
}

// Run runs a program on the host as root, with a clean environment and no
// terminal, until it ends or ctx does.
func (h *Host) Run(ctx context.Context, args ...string) Result {
	h.t.Helper()
	return h.run(ctx, nil, args)
}

// Must is Run for a program that has to succeed within a minute. It returns
// what it wrote to standard output.
func (h *Host) Must(args ...string) string {
	h.t.Helper()
	return h.must(nil, args...)
}

// AddUser makes an account, which the key of the lab opens.
func (h *Host) AddUser(name string) {
	h.t.Helper()
	// Without PAM sshd takes the usual "!" in place of a password for a locked
	// account.
	h.Must("useradd", "--create-home", "--shell", "/bin/bash", "--password", "*", name)
}

func (h *Host) must(stdin io.Reader, args ...string) string {
	h.t.Helper()
	ctx, cancel := within(h.t, time.Minute)
	defer cancel()
	r := h.run(ctx, stdin, args)
	if r.Code != 0 {
		h.t.Fatalf("lab: %s: %s: exit code %d\n%s%s", h.Name, strings.Join(args, " "), r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

func (h *Host) run(ctx context.Context, stdin io.Reader, args []string) Result {
	h.t.Helper()
	cmd := h.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	// A program on the host is not the process that is killed here, and keeps
	// the pipes open.
	cmd.WaitDelay = time.Second
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	var exit *exec.ExitError
	if err != nil && ctx.Err() == nil && !errors.As(err, &exit) {
		h.t.Fatalf("lab: %s: %v", h.Name, err)
	}
	return Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), took}
}

// command is a program on the host.
func (h *Host) command(ctx context.Context, args ...string) *exec.Cmd {
	enter := []string{"-t", strconv.Itoa(h.pid), "-a", "--", "env", "-i",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash", "TERM=xterm-256color", "LANG=C.UTF-8"}
	return exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
}
