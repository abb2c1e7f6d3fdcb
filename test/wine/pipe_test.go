package wine_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"msg/test/wine"
)

// runner runs programs in front of a desk.
type runner struct {
	*testing.T
	desk *wine.Desk
}

// prints runs a program that must succeed and print this.
func (r runner) prints(want string, program string, args ...string) {
	r.Helper()
	out, err := r.desk.Command(program, args...).CombinedOutput()
	if err != nil || !regexp.MustCompile(want).Match(out) {
		r.Errorf("%s %q: %v, want %s in\n%s", filepath.Base(program), args, err, want, out)
	}
}

// fails runs a program that must not succeed, and print this.
func (r runner) fails(want string, program string, args ...string) {
	r.Helper()
	out, err := r.desk.Command(program, args...).CombinedOutput()
	if err == nil || !regexp.MustCompile(want).Match(out) {
		r.Errorf("%s %q: %v, want a failure and %s in\n%s", filepath.Base(program), args, err, want, out)
	}
}

// first is the first client of a pipe, which Wine gives to the placeholder that
// go-winio keeps the name with. On Windows no client gets that: opened without
// the rights to read and write, it does not listen.
func (r runner) first(msg string) { _ = r.desk.Command(msg, "/dnd").Run() }

// use sends through a msgd, and asks what it knows.
func (r runner) use(msg, query string) {
	r.Helper()
	r.prints(`msgd +answers, after `, msg, "/doctor")
	r.prints(`bob +1 +Active`, query, "session")
	r.prints(`Async message sent to session Console`, msg, "/v", "bob", "Grüße", "through", "msgd")
	r.prints(`\w{6} .* \S+\\\S+ +bob +1 accepted`, query, "message") // DOMAIN\user is who asked
	r.prints(`answered: OK`, msg, "/v", "/w", "carol", "well?")
	r.prints(`is on`, msg, "/dnd:on")
	r.prints(`is off`, msg, "/dnd:off")
}

func table(d *wine.Desk) {
	d.Sessions(".|0|Services|disconnected||||", ".|1|Console|active|bob|VM||resp=1", ".|2|RDP-Tcp#1|active|carol|VM||resp=1")
}

// TestPipe runs msgd by hand: msg and query find it at its pipe, and it knows
// who asks.
func TestPipe(t *testing.T) {
	p := wine.Boot(t)
	r := runner{t, p.Desk(t)}
	table(r.desk)
	msg, query, msgd := wine.Build(t, "msg/cmd/msg"), wine.Build(t, "msg/cmd/query"), wine.Build(t, "msg/cmd/msgd")
	r.prints(`msgd +no msgd is running \(open \\\\\.\\pipe\\msgd: .*\), after`, msg, "/doctor")
	stop := r.serve(r.desk.Command(msgd, "serve"))
	r.first(msg)
	r.use(msg, query)
	r.fails(`another msgd`, msgd, "serve")
	relayed := r.desk.Command(msgd, "relay")
	relayed.Stdin = strings.NewReader(`{"version":1,"op":"sessions"}` + "\n")
	if out, err := relayed.CombinedOutput(); err != nil || !regexp.MustCompile(`^\{"msgd":1,.*\n`).Match(out) {
		t.Errorf("relay: %v\n%s", err, out)
	}
	stop()
	r.prints(`msgd +no msgd is running`, msg, "/doctor")
}

// serve runs msgd until stop is called, and waits until it serves.
func (r runner) serve(cmd *exec.Cmd) (stop func()) {
	r.Helper()
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.Fatal(err)
	}
	log := bufio.NewScanner(stderr)
	for log.Scan() && !strings.Contains(log.Text(), "msgd serves") {
		r.Log(log.Text())
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, stderr)
	}()
	stop = func() {
		_ = cmd.Process.Kill()
		<-ended // also what it has started
		_ = cmd.Wait()
	}
	r.Cleanup(stop)
	return stop
}

// TestService installs msgd, has it started and ended by the service manager,
// and takes it away.
func TestService(t *testing.T) {
	p := wine.Boot(t)
	r := runner{t, p.ServiceDesk(t)}
	table(r.desk)
	msg, query, msgd := wine.Build(t, "msg/cmd/msg"), wine.Build(t, "msg/cmd/query"), wine.Build(t, "msg/cmd/msgd")
	t.Cleanup(func() { _ = r.desk.Command(msgd, "service", "uninstall").Run() })
	if err := os.RemoveAll(filepath.Join(p.Dir, "drive_c", "ProgramData", "msg")); err != nil {
		t.Fatal(err)
	}
	r.fails(`msgd service install makes it`, msgd, "service", "start")
	r.fails(`--account "Bob": LocalSystem or LocalService`, msgd, "service", "install", "--account", "Bob")
	r.prints(``, msgd, "service", "install")
	r.fails(`installing service msgd: `, msgd, "service", "install")
	for range 2 { // what was sent before is known afterwards
		r.prints(`\A\z`, msgd, "service", "start")
		r.first(msg)
		r.use(msg, query)
		r.prints(`\A\z`, msgd, "service", "stop")
		r.prints(`msgd +no msgd is running`, msg, "/doctor")
	}
	r.prints(``, msgd, "service", "uninstall")
	r.fails(`msgd service install makes it`, msgd, "service", "stop")
}
