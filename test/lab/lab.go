// Package lab gives tests real Linux computers: Debian releases booted with
// systemd and logind in a second or less, people signed in to them by ssh and
// by login(1), and what they see on their terminals.
//
//	host := lab.Boot(t, "trixie")
//	host.AddUser("alice")
//	alice := host.SSH("alice")
//	host.Must("wall", "hello")
//	err := alice.WaitFor("hello", 5*time.Second)
//
// Start at [Boot] and [Bare], and at [Desktop] for people who sit in front of a
// desktop, where a robot looks and clicks:
//
//	desktop := lab.Desktop(t).XFCE("alice")
//	button, err := desktop.WaitButton("OK", 5*time.Second)
//	desktop.Click(button)
//
// A host has a root filesystem of its own, which is made once of each kind and
// kept in [Cache], and it shares a network with the other hosts and with the ssh
// clients of the same test run, but with nothing else. All of it ends with the
// test; when the test process is killed it ends with that process.
//
// It needs root on a Linux computer and the Debian packages mmdebstrap,
// systemd-container, iproute2, openssh-client, util-linux and, for
// [Host.Screen], tmux. Without them a test is skipped, or fails if [Require] is
// set. With -short, and on other systems, it is always skipped.
//
// The package has no build constraints, so that the tests which use it need
// none either: whatever is special to Linux is done by the programs it runs.
package lab

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// Require makes a test fail, instead of being skipped, on a Linux computer that
// cannot run the lab. A CI job sets it, so that a tool which went missing there
// does not pass for success.
var Require bool

// Cache is the directory in which root filesystems are kept between runs. If it
// is empty, the directory msg-lab in the user's cache directory is used.
var Cache string

// need ends the test unless this computer can run the lab and has the
// additional tools.
func need(t testing.TB, tools ...string) {
	t.Helper()
	give := t.Skipf
	if Require {
		give = t.Fatalf
	}
	if testing.Short() {
		t.Skip("lab: not with -short")
	}
	if runtime.GOOS != "linux" {
		t.Skipf("lab: needs Linux, this is %s", runtime.GOOS)
	}
	if os.Geteuid() != 0 {
		give("lab: needs root, for mounts and namespaces")
	}
	tools = append(tools, "mmdebstrap", "flock", "unshare", "nsenter", "setsid", "ip", "systemd-nspawn", "ssh", "ssh-keygen")
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			give("lab: needs the program %q", tool)
		}
	}
}

// pollStep is how often a state that nobody reports is looked at.
const pollStep = 20 * time.Millisecond

// poll calls ready until it returns true, and returns the cause of ctx if that
// ends first.
func poll(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(pollStep)
	defer tick.Stop()
	for !ready() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// within is a context that ends after d, or when the test does.
func within(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(t.Context(), d, errTooLong)
}

var (
	errTooLong = errors.New("took too long")
	errEnded   = errors.New("ended")
)
