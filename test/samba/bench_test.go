package samba

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
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

// smbclient signs in to a share of pipes, by Samba's own client, and does nothing
// there: less than any message needs.
func smbclient(host, file string) *exec.Cmd {
	return exec.Command("smbclient", "//"+host+"/IPC$", "--authentication-file="+file, "--command=exit")
}

// atOnce is how many computers msg has open at the same time.
const atOnce = 32

// signIns has smbclient sign in to all names, as many at the same time as msg does.
func signIns(b *testing.B, file string, spent spending) time.Duration {
	b.Helper()
	var mu sync.Mutex
	begin := time.Now()
	limit := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for n := range hosts {
		all.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			cmd := smbclient(fmt.Sprintf("h%d", n+1), file)
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Errorf("smbclient: %v\n%s", err, out)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			spent.by("smbclient", cmd)
		})
	}
	all.Wait()
	return time.Since(begin)
}

// BenchmarkMessage compares, by turns and from the start of a process to its
// end, one message to one computer by msg and by Impacket, and one to 200 names
// of it by msg. All names are one smbd, on this computer: what it and msgd need
// for 200 is theirs with any client, so the same is done with smbclient, and the
// time of the CPU is told.
func BenchmarkMessage(b *testing.B) {
	needsImpacket(b)
	o := open(b, roomy, seat("7", "pts/3", "bob", "", ""))
	program := buildMsg(b)
	dir := b.TempDir()
	secret, login := filepath.Join(dir, "password"), filepath.Join(dir, "login")
	for file, text := range map[string]string{secret: Password("alice") + "\n", login: "username = alice\npassword = " + Password("alice") + "\ndomain = LINUXBOX\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
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
		var theirs, ours, all, samba, allSamba []time.Duration
		spent, bare := spending{}, spending{}
		for i := range rounds + warm {
			his, mine, its := timed(b, impacket(Name, "LINUXBOX", "alice", secret, "7", "by Impacket")), timed(b, msg("rpc://"+Name, "by msg")), timed(b, smbclient(Name, login))
			if i >= warm {
				theirs, ours, samba = append(theirs, his), append(ours, mine), append(samba, its)
			}
			if i%often == 0 {
				before := used(b)
				cmd := msg(strings.Join(many, ","), "to all")
				all = append(all, timed(b, cmd))
				spent.since(b, before)
				spent.by("msg", cmd)
				before = used(b)
				allSamba = append(allSamba, signIns(b, login, bare))
				bare.since(b, before)
			}
		}
		report(b, "msg", ours, "impacket", theirs)
		report(b, fmt.Sprintf("%d-hosts", hosts), all, "msg", ours)
		report(b, fmt.Sprintf("%d-smbclients", hosts), allSamba, "smbclient", samba)
		b.Logf("CPU for each host by msg: %s", spent.each(hosts*len(all)))
		b.Logf("CPU for each sign-in by smbclient: %s", bare.each(hosts*len(all)))
		floor := bare["smbd"] / time.Duration(len(all)*runtime.NumCPU())
		b.Logf("floor: smbd alone needs %v for %d sign-ins on %d CPUs, %.1f times as long as one message, with a client that needs nothing",
			floor.Round(time.Millisecond), hosts, runtime.NumCPU(), float64(floor)/float64(ours[len(ours)/2]))
		b.ReportMetric(float64(floor)/float64(ours[len(ours)/2]), "floor/msg")
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
	words := func(n string, d []time.Duration) string {
		round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond / 10) }
		return fmt.Sprintf("%s median %v, middle half %v to %v", n, round(d[len(d)/2]), round(d[len(d)/4]), round(d[3*len(d)/4]))
	}
	b.Logf("%s; %s; %.2f times as long", words(name, of), words(peer, to), ratio) // in one line: Go shows ten of them
	b.ReportMetric(ratio, name+"/"+peer)
}
