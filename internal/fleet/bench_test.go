package fleet

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"msg"
)

// The benchmarks of a fleet: a hub and its members, each in a process of their
// own, and beside them a nats-server and clients that only answer. The members are Nodes with all that they do but for screens:
// everybody answers at once. Their folders are in memory, because in a fleet
// each has a disk of its own; that of the hub is where TMPDIR is.

const (
	benchRounds = 15
	benchWarm   = 2
	benchSender = "desk"
)

// yard is a hub and members that are ready.
type yard struct {
	b      testing.TB
	n      int
	dir    string // of the hub
	homes  string // of the members
	hub    *worker
	crew   *worker
	empty  int // kB of the hub before anybody was there
	sender *Node
	raw    *rawSender
}

func memberName(i int) string { return fmt.Sprintf("h%05d", i) }

// newYard writes the folders of a hub and n members, as joining would, and
// starts both.
func newYard(b testing.TB, n int) *yard {
	b.Helper()
	y := &yard{b: b, n: n, dir: filepath.Join(b.TempDir(), "hub"), homes: memoryFolder(b)}
	address := freePort(b)
	if _, err := InitHub(y.dir, address, []string{address}, true, time.Now()); err != nil {
		b.Fatal(err)
	}
	y.enroll()
	y.hub = startWorker(b, "hub", y.dir)
	y.hub.say(b, "free")
	y.empty = y.hub.memory(b)
	begin := time.Now()
	plain := startWorker(b, "plain", y.dir)
	y.crew = startWorker(b, "crew", y.homes, plain.line, strconv.Itoa(n))
	b.Logf("%d members are connected, and as many clients of the plain server, after %v", n, time.Since(begin).Round(time.Millisecond))
	y.raw = dialRaw(b, plain.line)
	return y
}

// memoryFolder is a folder on a file system in memory, if there is one.
func memoryFolder(b testing.TB) string {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "msg-fleet-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (y *yard) enroll() {
	book := first(loadBook(y.dir))
	config := first(loadHub(y.dir))
	pin := pinOf(first(loadCertificate(y.dir)).Leaf)
	org := first(LoadKey(filepath.Join(y.dir, OrgKeyFile)))
	now := time.Now()
	for i := range y.n + 1 {
		name := memberName(i)
		if i == y.n {
			name = benchSender
		}
		key := first(nkeys.CreateUser())
		public := first(key.PublicKey())
		r := &record{Name: name, Key: public, Joined: now, Seen: now, Number: i + 1}
		if name == benchSender {
			may := first(ParseMay(fmt.Sprintf("send to *, broadcast, query, up to %d hosts, 1000 a minute", y.n+1), now))
			r.Grant = first(first(NewGrant(config.Org, name, public, []string{"*"}, may, now)).Seal(org))
		}
		book.members[name], book.byKey[public] = r, r
		dir := y.home(name)
		err := errors.Join(makeFolder(dir), saveKey(filepath.Join(dir, nodeKey), key),
			writeJSON(filepath.Join(dir, nodeFile), nodeConfig{Name: name, Hubs: config.Hubs, Pin: pin, Org: config.Org}))
		if err != nil {
			y.b.Fatal(err)
		}
	}
	if err := book.save(); err != nil {
		y.b.Fatal(err)
	}
}

// home is the folder of a member; that of the sender is where a msgd with its
// journal beside it looks.
func (y *yard) home(name string) string {
	if name == benchSender {
		return filepath.Join(y.homes, benchSender, "fleet")
	}
	return filepath.Join(y.homes, name)
}

// member runs one member in this process.
func (y *yard) member(name string) *Node {
	ready := make(chan error, 1)
	n, err := Open(y.home(name), "bench", answerAtOnce(name), quiet())
	if err != nil {
		y.b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runMember(ctx, n, ready) }()
	y.b.Cleanup(func() { cancel(); <-ended })
	if err := <-ready; err != nil {
		y.b.Fatal(err)
	}
	return n
}

// round sends one message to all and returns how long it took until the last
// answer was there, checked and counted.
func (y *yard) round() time.Duration {
	y.b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	m := msg.Message{ID: msg.NewID(time.Now()), Sent: time.Now(), Text: strings.Repeat("Reboot at 18:00. ", 15), Wait: true, Timeout: time.Minute}
	answered := 0
	begin := time.Now()
	err := y.sender.Send(ctx, root, []string{"h*"}, first(msg.ParseTarget("*")), m, func(r msg.Receipt) {
		if r.Outcome == msg.OutcomeAnswered && r.Final {
			answered++
		}
	}, func(msg.Reach) {})
	took := time.Since(begin)
	if err != nil || answered != y.n {
		y.b.Fatalf("%d of %d answered: %v", answered, y.n, err)
	}
	return took
}

func BenchmarkFleet(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			y := newYard(b, n)
			y.sender = y.member(benchSender)
			b.Logf("hub: %d kB, and %.1f kB for a member that is connected, nothing given back", y.empty, y.perMember())
			defer y.profile()()
			for b.Loop() {
				var ours, theirs []time.Duration
				var until, after used
				for i := range benchRounds + benchWarm {
					y.settle()
					raw := y.raw.round(b, n)
					y.settle()
					before := y.used()
					mine := y.round()
					until = until.plus(before, y.used())
					y.settle() // what is done when the answers are there
					after = after.plus(before, y.used())
					if i >= benchWarm {
						theirs, ours = append(theirs, raw), append(ours, mine)
					}
				}
				b.Logf("the last of %d answers, signed and checked on both sides: %s", n, spread(ours))
				b.Logf("the last of %d answers of plain NATS over TLS: %s", n, spread(theirs))
				each := n * (benchRounds + benchWarm)
				b.Logf("processor time for a member until then: %s; until nothing is done any more: %s", until.each(each), after.each(each))
				b.ReportMetric(float64(median(ours).Microseconds())/1000, "ms")
				b.ReportMetric(float64(median(ours))/float64(median(theirs)), "fleet/nats")
			}
			y.hub.say(b, "free")
			b.Logf("hub after that, unused memory given back: %.1f kB for a member", y.perMember())
			b.ReportMetric(y.perMember(), "kB/member")
			b.ReportMetric(0, "ns/op") // says nothing
		})
	}
}

// used is the processor time of the processes.
type used struct{ hub, crew, sender time.Duration }

func (y *yard) used() used { return used{y.hub.cpu(y.b), y.crew.cpu(y.b), cpuOf(y.b, os.Getpid())} }

// plus adds what was used between two moments.
func (u used) plus(before, after used) used {
	return used{u.hub + after.hub - before.hub, u.crew + after.crew - before.crew, u.sender + after.sender - before.sender}
}

func (u used) each(n int) string {
	d := time.Duration(n)
	return fmt.Sprintf("hub %v, member %v, sender %v, together %v", u.hub/d, u.crew/d, u.sender/d, (u.hub+u.crew+u.sender)/d)
}

// settle waits until none of the processes has used any time worth mentioning
// for a while, so that nothing of one round is done in the next.
func (y *yard) settle() {
	y.b.Helper()
	before := y.used()
	idle := quietFor/40 + time.Duration(y.n)*6*time.Microsecond // each looks every two seconds whether there is something to do
	for quiet, tries := 0, 0; quiet < 4 && tries < 25; tries++ {
		<-time.After(quietFor / 4)
		now := y.used()
		quiet++
		if spent := (used{}).plus(before, now); spent.hub+spent.crew+spent.sender > idle {
			quiet = 0
		}
		before = now
	}
}

// quietFor is longer than anything that is put off.
const quietFor = 800 * time.Millisecond

// profileEnv is a folder where each process leaves a profile of its processor
// time during the rounds, if it is set.
const profileEnv = "MSG_FLEET_PROFILE"

// profile begins these profiles, and returns what ends them.
func (y *yard) profile() func() {
	dir := os.Getenv(profileEnv)
	if dir == "" {
		return func() {}
	}
	path := func(who string) string { return filepath.Join(dir, fmt.Sprintf("%s-%d.pprof", who, y.n)) }
	y.hub.say(y.b, "profile "+path("hub"))
	y.crew.say(y.b, "profile "+path("crew"))
	end := first(startProfile(path("sender")))
	return func() {
		y.hub.say(y.b, "profiled")
		y.crew.say(y.b, "profiled")
		end()
	}
}

func startProfile(path string) (end func(), err error) {
	f, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, err
}

// perMember is the memory of the hub's process for one member, in kB.
func (y *yard) perMember() float64 {
	return float64(y.hub.memory(y.b)-y.empty) / float64(y.n)
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func spread(d []time.Duration) string {
	d = slices.Sorted(slices.Values(d))
	return fmt.Sprintf("median %v, middle half %v to %v, all %v to %v", d[len(d)/2].Round(time.Millisecond/10),
		d[len(d)/4].Round(time.Millisecond/10), d[3*len(d)/4].Round(time.Millisecond/10), d[0].Round(time.Millisecond/10), d[len(d)-1].Round(time.Millisecond/10))
}

// worker is a process of this program that does one thing.
type worker struct {
	cmd  *exec.Cmd
	in   *bufio.Writer
	out  *bufio.Scanner
	line string // that it said when it was ready
}

// workerEnv says what a process of this program is to be.
const workerEnv = "MSG_FLEET_BENCH"

func startWorker(b testing.TB, args ...string) *worker {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkWorker$", "-test.benchtime=1x")
	cmd.Env = append(os.Environ(), workerEnv+"="+strings.Join(args, ","))
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close() // it ends then
		_ = cmd.Wait()
	})
	w := &worker{cmd: cmd, in: bufio.NewWriter(in), out: bufio.NewScanner(out)}
	w.line = w.hear(b)
	return w
}

// hear waits for a line that begins with "=", and returns the rest.
func (w *worker) hear(b testing.TB) string {
	b.Helper()
	for w.out.Scan() {
		if line, ok := strings.CutPrefix(w.out.Text(), "="); ok {
			return line
		}
	}
	b.Fatalf("%v ended", w.cmd.Args)
	return ""
}

func (w *worker) say(b testing.TB, line string) {
	b.Helper()
	if _, err := w.in.WriteString(line + "\n"); err != nil {
		b.Fatal(err)
	}
	if err := w.in.Flush(); err != nil {
		b.Fatal(err)
	}
	w.hear(b)
}

// memory is the resident set of the process in kB, proc_pid_status(5).
func (w *worker) memory(b testing.TB) int {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return kb
}

func (w *worker) cpu(b testing.TB) time.Duration { return cpuOf(b, w.cmd.Process.Pid) }

// cpuOf is the processor time of a process in the units of proc_pid_stat(5),
// hundredths of a second.
func cpuOf(b testing.TB, pid int) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	return time.Duration(first(strconv.Atoi(fields[11]))+first(strconv.Atoi(fields[12]))) * (time.Second / 100)
}
