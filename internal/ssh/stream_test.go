package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The fake ssh is this test binary under another name, first in the PATH. What
// it does depends on the host that it is to connect to.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); name == "ssh" || name == "ssh.exe" {
		os.Exit(fakeSSH(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func fakeSSH(args []string) int {
	host := args[len(args)-1]
	if args[0] == "-G" {
		return fakeConfig(host)
	}
	switch host = args[len(args)-3]; host {
	case "echo":
		_, _ = io.Copy(os.Stdout, os.Stdin)
	case "refused":
		fmt.Fprint(os.Stderr, "banner\r\nssh: connect to host refused port 22: Connection refused\r\n")
		return 255
	case "missing":
		fmt.Println("noise of a login shell")
		fmt.Fprintln(os.Stderr, "sh: 1: msgd: not found")
		return 127
	case "stubborn": // it heeds nothing but its death
		signal.Ignore(os.Interrupt)
		fmt.Println(os.Getpid())
		select {}
	case "patient": // it ends when it is asked to
		interrupt := make(chan os.Signal, 1)
		signal.Notify(interrupt, os.Interrupt)
		fmt.Println(os.Getpid())
		<-interrupt
		return 255
	case "chatty":
		fmt.Fprint(os.Stderr, strings.Repeat("x", 1<<20)+"\nthe end\n")
		return 1
	}
	return 0
}

func fakeConfig(host string) int {
	switch host {
	case "bad":
		fmt.Fprintln(os.Stderr, "/etc/ssh/ssh_config: line 1: Bad configuration option: nonsense")
		return 255
	case "proxied":
		fmt.Print("hostname nowhere.invalid\nport 22\nproxyjump bastion\n")
	case "commanded":
		fmt.Print("hostname nowhere.invalid\nport 22\nproxycommand connect %h\n")
	default:
		fmt.Printf("user x\nhostname 127.0.0.1\nport %s\nproxycommand none\nproxyusefdpass no\n", host)
	}
	return 0
}

// useFake puts the fake ssh into the PATH.
func useFake(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := "ssh"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector keeps each process for a second
}

func dial(t *testing.T, ctx context.Context, host string) *Stream {
	t.Helper()
	s, err := Dial(ctx, Host{Name: host}, false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStream(t *testing.T) {
	useFake(t)
	s := dial(t, t.Context(), "echo")
	if _, err := io.WriteString(s, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(s).ReadString('\n'); line != "hello\n" || err != nil {
		t.Errorf("read %q, %v", line, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n, err := s.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after Close: %d, %v", n, err)
	}
}

// TestFailures reads from hosts that have no msgd.
func TestFailures(t *testing.T) {
	useFake(t)
	for host, want := range map[string]string{
		"refused": "connection refused",
		"missing": "msgd is not installed there, or not in the PATH of ssh",
		"chatty":  "the end",
	} {
		s := dial(t, t.Context(), host)
		_, err := io.ReadAll(s)
		var failed *Error
		if !errors.As(err, &failed) || err.Error() != want {
			t.Errorf("%s: %v, want %q", host, err, want)
		}
		s.Close()
		if n := len(s.said.String()); n > maxTail {
			t.Errorf("%s: %d bytes of standard error are kept", host, n)
		}
	}
	t.Setenv("PATH", "")
	if _, err := Dial(t.Context(), Host{Name: "echo"}, false); err == nil || err.Error() != "ssh is not installed on this computer" {
		t.Errorf("without ssh: %v", err)
	}
}

// TestSilence has a host that lets nobody in and turns nobody away.
func TestSilence(t *testing.T) {
	useFake(t)
	s := dial(t, t.Context(), "echo")
	defer s.Close()
	if err := s.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(make([]byte, 1)); err == nil || err.Error() != "it does not answer" || s.Err() != err {
		t.Errorf("Read: %v", err)
	}
}

// TestEnd holds that ssh ends with the context, and that one which does not
// want to is killed: no process is left behind.
func TestEnd(t *testing.T) {
	useFake(t)
	for _, host := range []string{"patient", "stubborn"} {
		for _, end := range []string{"context", "close"} {
			ctx, cancel := context.WithCancel(t.Context())
			s := dial(t, ctx, host)
			if _, err := bufio.NewReader(s).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			if end == "context" {
				cancel()
			}
			s.Close()
			cancel()
			if s.cmd.ProcessState == nil {
				t.Errorf("%s, ended by %s: it was not waited for", host, end)
			}
			if d := time.Since(begin); d > endTimeout+time.Second {
				t.Errorf("%s, ended by %s: it took %v", host, end, d)
			}
		}
	}
}

func TestProbe(t *testing.T) {
	useFake(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, open, _ := net.SplitHostPort(l.Addr().String())
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, closed, _ := net.SplitHostPort(gone.Addr().String())
	gone.Close()
	for host, want := range map[string]string{
		open:        "its port " + open + " answers",
		closed:      "connection refused on port " + closed,
		"proxied":   "through a proxy, as ssh is configured",
		"commanded": "through a proxy, as ssh is configured",
		"bad":       "/etc/ssh/ssh_config: line 1: Bad configuration option: nonsense",
	} {
		why, err := Probe(t.Context(), Host{Name: host})
		if err != nil {
			why = err.Error()
		}
		if why != want || (err == nil) != (host == open || strings.HasSuffix(want, "configured")) {
			t.Errorf("%s: %q, %v; want %q", host, why, err, want)
		}
	}
	l.Close()
}

// TestUnreachable has the errors that a test cannot make the network give.
func TestUnreachable(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "web1", IsNotFound: true}}, "there is no host of that name"},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "port 22 does not answer"},
		{context.DeadlineExceeded, "port 22 does not answer"},
		{&net.OpError{Op: "dial", Err: errors.New("network is unreachable")}, "network is unreachable"},
	} {
		if got := unreachable(c.err, "22").Error(); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
