package samba

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	rounds, warm = 21, 2
	hosts        = 200
	often        = 4 // rounds from one to all hosts to the next, which takes seconds
)

// impacket sends by Impacket what msg sends by itself.
func impacket(args ...string) *exec.Cmd {
	return exec.Command("/usr/bin/python3", append([]string{"peer.py"}, args...)...)
}

// BenchmarkMessage compares, by turns and from the start of a process to its
// end, one message to one computer by msg and by Impacket, and one to 200 names
// of it by msg.
func BenchmarkMessage(b *testing.B) {
	needsImpacket(b)
	o := open(b, roomy, seat("7", "pts/3", "bob", "", ""))
	program := buildMsg(b)
	secret := filepath.Join(b.TempDir(), "password")
	if err := os.WriteFile(secret, []byte(Password("alice")+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	msg := func(servers, text string) *exec.Cmd {
		cmd := exec.Command(program, "7", "/server:"+servers, `/user:LINUXBOX\alice`, text)
		cmd.Env = append(os.Environ(), "MSG_PASSWORD_FILE="+secret)
		return cmd
	}
	var many []string
	for n := range hosts {
		many = append(many, fmt.Sprintf("rpc://h%d", n+1))
	}
	for b.Loop() {
		var theirs, ours, all []time.Duration
		spent := map[string]time.Duration{}
		for i := range rounds + warm {
			his, mine := timed(b, impacket(Name, "LINUXBOX", "alice", secret, "7", "by Impacket")), timed(b, msg("rpc://"+Name, "by msg"))
			if i >= warm {
				theirs, ours = append(theirs, his), append(ours, mine)
			}
			if i%often == 0 {
				before := CPU(b)
				cmd := msg(strings.Join(many, ","), "to all")
				all = append(all, timed(b, cmd))
				spent["msg"] += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				for name, used := range CPU(b) {
					spent[name] += used - before[name]
				}
			}
		}
		report(b, "msg", ours, "impacket", theirs)
		report(b, fmt.Sprintf("%d-hosts", hosts), all, "msg", ours)
		for name, used := range spent {
			b.Logf("%s: %v of CPU for each of the hosts", name, used/time.Duration(hosts*len(all)))
		}
	}
	b.ReportMetric(0, "ns/op") // says nothing
	shown := o.Screen(seat("7", "pts/3", "bob", "", "").Session).String()
	for text, want := range map[string]int{"by Impacket": rounds + warm, "by msg": rounds + warm, "to all": hosts * ((rounds + warm + often - 1) / often)} {
		if got := strings.Count(shown, text); got != want {
			b.Errorf("%q was shown %d times, not %d", text, got, want)
		}
	}
}

// buildMsg builds msg with the program of remote calls beside it.
func buildMsg(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	for name, tags := range map[string]string{"msg": "", "msg-remote": "remote"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags="+tags, "-o", filepath.Join(dir, name), "msg/cmd/msg")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	return filepath.Join(dir, "msg")
}

func timed(b *testing.B, cmd *exec.Cmd) time.Duration {
	b.Helper()
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%.200q: %v\n%s", cmd.Args, err, out)
	}
	return time.Since(begin)
}

// report prints the median, the spread (the middle half), and the ratio to
// what it is compared with.
func report(b *testing.B, name string, of []time.Duration, peer string, to []time.Duration) {
	slices.Sort(of)
	slices.Sort(to)
	ratio := float64(of[len(of)/2]) / float64(to[len(to)/2])
	for n, d := range map[string][]time.Duration{name: of, peer: to} {
		b.Logf("%-8s median %v, middle half %v to %v", n, d[len(d)/2].Round(time.Millisecond/10),
			d[len(d)/4].Round(time.Millisecond/10), d[3*len(d)/4].Round(time.Millisecond/10))
	}
	b.Logf("%s takes %.2f times as long as %s", name, ratio, peer)
	b.ReportMetric(ratio, name+"/"+peer)
}
