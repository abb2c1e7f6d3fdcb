package fleet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msg"
)

const shellFan = "64" // of clush, at a time

// BenchmarkShell is what an operator sees at a prompt: msg, through the msgd of
// his computer, from the start of the process to its end, with the answers of
// all members; and clush(1) with as many names of an sshd on this computer,
// which runs true(1): a few times, as far as that does not take minutes.
func BenchmarkShell(b *testing.B) {
	if os.Getuid() != 0 {
		b.Skip("needs root, for a mount namespace")
	}
	for _, c := range []struct{ hosts, clushes int }{{100, 3}, {1000, 1}} {
		b.Run(fmt.Sprint(c.hosts), func(b *testing.B) { benchShell(b, c.hosts, c.clushes) })
	}
}

func benchShell(b *testing.B, hosts, clushes int) {
	y := newYard(b, hosts)
	send := y.desk()
	for b.Loop() {
		var ours, listed, theirs []time.Duration
		for i := range 2 * (benchRounds + benchWarm) {
			times := &ours
			cmd := send("h*")
			if i%2 > 0 {
				cmd.Args, times = append(cmd.Args, "/json"), &listed
			}
			cmd.Args = append(cmd.Args, "Reboot at 18:00")
			took, out := y.timed(cmd)
			if times == &listed {
				y.allAnswered(out)
			}
			if i >= 2*benchWarm {
				*times = append(*times, took)
			}
		}
		b.Logf("msg to %d members, whose exit code is 0: %s", hosts, spread(ours))
		b.Logf("msg /json, which lists all of them: %s", spread(listed))
		b.ReportMetric(median(ours).Seconds(), "s")
		for range clushes {
			clush, err := clushCommand(b, hosts)
			if err != nil {
				b.Logf("clush is not measured: %v", err)
				break
			}
			took, _ := y.timed(clush)
			theirs = append(theirs, took)
		}
		if len(theirs) == 0 {
			continue
		}
		b.Logf("clush -f %s to %d names: %s; msg takes 1/%.0f of that", shellFan, hosts, spread(theirs), float64(median(theirs))/float64(median(ours)))
		b.ReportMetric(float64(median(ours))/float64(median(theirs)), "msg/clush")
	}
	b.ReportMetric(0, "ns/op") // says nothing
}

// timed runs a command and returns what it has written.
func (y *yard) timed(cmd *exec.Cmd) (time.Duration, []byte) {
	y.b.Helper()
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		y.b.Fatalf("%.200q: %v\n%.2000s", cmd.Args, err, out)
	}
	return time.Since(begin), out
}

// allAnswered ends the benchmark if msg has not heard from all members: an exit
// code does not say how many they were.
func (y *yard) allAnswered(out []byte) {
	y.b.Helper()
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	var last struct {
		Reach msg.Reach `json:"reach"`
	}
	err := json.Unmarshal(lines[len(lines)-1], &last)
	want := msg.Reach{Hosts: y.n, Reached: y.n, Sessions: y.n, Answered: y.n}
	if err != nil || last.Reach != want || len(lines) != y.n+1 {
		y.b.Fatalf("%v: %d lines, and in the end %+v, want %+v", err, len(lines), last.Reach, want)
	}
}

// desk runs a real msgd as the sender, with a /run of its own, and returns what
// makes commands that send from there.
func (y *yard) desk() func(hosts string) *exec.Cmd {
	b := y.b
	b.Helper()
	bin := b.TempDir()
	for _, name := range []string{"msg", "msgd"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(bin, name), "msg/cmd/"+name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	config := filepath.Join(y.homes, "msgd.toml")
	text := fmt.Sprintf("[journal]\npath = %q\n[fleet]\npath = %q\n", filepath.Join(y.homes, benchSender, "journal.db"), y.home(benchSender))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", `mount -t tmpfs none /run && mkdir /run/msg && exec "$0" serve --config "$1"`,
		filepath.Join(bin, "msgd"), config)
	log, err := cmd.StderrPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(log)
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	for there := false; !there; {
		if !lines.Scan() {
			b.Fatal("msgd ended before it was in the fleet, or was not within a minute")
		}
		there = strings.Contains(lines.Text(), "may_send=true")
	}
	go func() {
		for lines.Scan() { // or it would wait for a reader
		}
	}()
	return func(hosts string) *exec.Cmd {
		return exec.Command("nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", cmd.Process.Pid), "--wd=/", "--",
			filepath.Join(bin, "msg"), "*", "/server:"+hosts)
	}
}

// clushCommand starts an sshd and returns a clush that reaches it by as many
// names.
func clushCommand(b testing.TB, hosts int) (*exec.Cmd, error) {
	b.Helper()
	for _, name := range []string{"clush", "/usr/sbin/sshd", "ssh-keygen"} {
		if _, err := exec.LookPath(name); err != nil {
			return nil, fmt.Errorf("it needs clustershell and openssh-server: %w", err)
		}
	}
	dir := b.TempDir()
	for _, name := range []string{"host", "user"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name)).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
	}
	address := freePort(b)
	_, port, _ := net.SplitHostPort(address)
	// sshd wants its /run/sshd, and clush a known host.
	config := fmt.Sprintf("ListenAddress %s\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nMaxStartups 1000\nPidFile none\n",
		address, dir, dir)
	client := fmt.Sprintf("Host *\nHostName 127.0.0.1\nPort %s\nUser root\nIdentityFile %s/user\nIdentitiesOnly yes\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n", port, dir)
	err := errors.Join(os.WriteFile(filepath.Join(dir, "sshd"), []byte(config), 0o600), os.WriteFile(filepath.Join(dir, "ssh"), []byte(client), 0o600))
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	sshd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", `mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec /usr/sbin/sshd -D -e -f "$0"`, filepath.Join(dir, "sshd"))
	sshd.Stderr = &said
	if err := sshd.Start(); err != nil {
		return nil, err
	}
	b.Cleanup(func() {
		_ = sshd.Process.Kill()
		_ = sshd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); ; { // it does not tell when it listens
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("sshd does not listen: %w", err)
		}
	}
	return exec.Command("clush", "-f", shellFan, "-S", "-O", "ssh_options=-F "+filepath.Join(dir, "ssh"), "-w", fmt.Sprintf("h[1-%d]", hosts), "true"), nil
}
