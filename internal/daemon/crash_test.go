package daemon

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"msg"
	"msg/internal/hosttest"
)

// The crash test: a msgd in a process of its own accepts messages and is
// killed at a random point, again and again. Whatever it shows it notes in a
// file before, and what its senders hear it prints.

// crashDir tells a process that it is such a msgd, and crashLife which one.
const (
	crashDir  = "MSG_TEST_CRASH_DIR"
	crashLife = "MSG_TEST_CRASH_LIFE"
)

// Where it is killed.
const (
	beforeCommit = iota
	afterCommit
	beforeShow
	afterShow
	anywhere // some moment later, whatever that is
	killPoints
)

// crashOffice are the people. In some lives bob and root sign in; afterwards
// they stay.
func crashOffice(life int) (there []hosttest.Person, arrives *hosttest.Person) {
	there = []hosttest.Person{seat("1", "alice"), does(seat("2", "alice"), msg.OutcomeAnswered, 2*time.Millisecond), does(seat("3", "zoe"), msg.OutcomeDismissed, time.Millisecond)}
	for at, p := range map[int]hosttest.Person{5: seat("4", "bob"), 10: does(seat("5", "root"), msg.OutcomeAnswered, 0)} {
		if life > at {
			there = append(there, p)
		} else if life == at {
			arrives = &p
		}
	}
	return there, arrives
}

// notes writes down what is shown: life, session, message, and whether it is
// marked. One write of a line is whole or not there when the process is killed.
func notes(t testing.TB, dir string, life int) func(msg.Session, msg.Message) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "shown"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return func(s msg.Session, m msg.Message) {
		fmt.Fprintf(f, "%d %s %s %v\n", life, s.ID, m.ID, m.Again)
	}
}

// suicide dies when a point is passed for the nth time.
type suicide struct {
	point int
	left  atomic.Int64
}

func (s *suicide) pass(point int) {
	if point != s.point || s.left.Add(-1) != 0 {
		return
	}
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill() // SIGKILL
	}
	if point != anywhere {
		select {}
	}
}

func crashConfig(dir string) Config {
	c := DefaultConfig()
	c.Journal.Path = filepath.Join(dir, "journal.db")
	c.Limits.Burst, c.Limits.MessagesPerMinute = 100_000, 100_000
	c.Limits.QueuePerAccount, c.Limits.WaitingPerAccount = 100_000, 1000
	return c
}

// TestCrashChild is the msgd that is killed.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("runs in a process of its own, which TestCrash starts")
	}
	life := 0
	fmt.Sscan(os.Getenv(crashLife), &life)
	random := rand.New(rand.NewPCG(7, uint64(life)))
	death := &suicide{point: random.IntN(killPoints)}
	death.left.Store(1 + random.Int64N(40))

	there, arrives := crashOffice(life)
	fake, note := hosttest.NewFake(there...), notes(t, dir, life)
	fake.Shown = func(s msg.Session, m msg.Message) {
		death.pass(beforeShow)
		note(s, m)
		death.pass(afterShow)
	}
	d, err := Open(crashConfig(dir), fake, testAccounts(t), quietLog())
	if err != nil {
		t.Fatal(err)
	}
	update := d.journal.update
	d.journal.update = func(write func(*bolt.Tx) error) error {
		death.pass(beforeCommit)
		err := update(write)
		death.pass(afterCommit)
		return err
	}
	go func() { _ = d.Run(context.Background()) }()
	var all sync.WaitGroup
	for worker := range 4 {
		seed := random.Uint64()
		all.Go(func() { crashSender(d, fake, arrives, worker, rand.New(rand.NewPCG(seed, 0)), death) })
	}
	all.Wait()
	t.Fatal("not killed")
}

// crashSender sends until the process is killed.
func crashSender(d *Daemon, fake *hosttest.Fake, arrives *hosttest.Person, worker int, random *rand.Rand, death *suicide) {
	for i := 0; ; i++ {
		if worker == 0 && i == 3 && arrives != nil {
			fake.Arrive(*arrives)
		}
		m := newMessage("text")
		m.ID = msg.NewID(time.Now())
		to, kind := "*", "all"
		switch random.IntN(4) {
		case 0:
			m.Wait = true
			to = "2,3"
		case 1:
			m.Queue = time.Hour
			to = "alice,bob,root:"
		}
		target, _ := msg.ParseTarget(to)
		heard := 0
		err := d.Send(context.Background(), principal("zoe"), target, m, func(msg.Receipt) { heard++ })
		if err != nil {
			kind = err.Error()
		}
		fmt.Printf("done %s %d %s\n", m.ID, heard, kind)
		death.pass(anywhere)
	}
}

// showing is one line of the notes.
type showing struct {
	life  int
	again bool
}

func TestCrash(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("how a process has ended does not say there that it was killed")
	}
	wanted := 400
	if testing.Short() {
		wanted = 100
	}
	dir := t.TempDir()
	heard := map[string]int{} // in which life the sender heard the end
	life := 0
	for len(heard) < wanted && life < wanted {
		life++
		for _, id := range oneLife(t, dir, life) {
			heard[id] = life
		}
	}
	if err := verify(crashConfig(dir).Journal.Path); err != nil {
		t.Fatalf("the journal after %d crashes: %v", life, err)
	}
	records := lastLife(t, dir, life+1)
	shown := readNotes(t, dir)
	for id := range heard {
		if _, ok := records[id]; !ok {
			t.Errorf("message %s is lost", id)
		}
	}
	twice := 0
	for id, r := range records {
		twice += checkShowings(t, id, heard[id], r, shown[id])
	}
	if most := life * 4 * 5; twice > most { // senders and sessions
		t.Errorf("%d were shown twice, at most %d were being drawn", twice, most)
	}
	t.Logf("%d messages, %d lives, %d shown twice and marked", len(records), life, twice)
}

// oneLife runs a msgd until it is killed, and returns what its senders heard.
func oneLife(t *testing.T, dir string, life int) (done []string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestCrashChild$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), crashDir+"="+dir, fmt.Sprintf("%s=%d", crashLife, life))
	out, err := cmd.Output()
	if err == nil || cmd.ProcessState.ExitCode() >= 0 {
		t.Fatalf("life %d was not killed: %v\n%s", life, err, out)
	}
	for line := range strings.Lines(string(out)) {
		var id, kind string
		var heard int
		if n, _ := fmt.Sscanf(line, "done %s %d %s", &id, &heard, &kind); n == 3 && strings.HasSuffix(line, "\n") {
			if kind != "all" || heard == 0 {
				t.Errorf("life %d: %s", life, line)
			}
			done = append(done, id)
		}
	}
	return done
}

// lastLife lets a msgd finish everything, and returns what is on record.
func lastLife(t *testing.T, dir string, life int) map[string]msg.Record {
	t.Helper()
	records := map[string]msg.Record{}
	synctest.Test(t, func(t *testing.T) {
		there, _ := crashOffice(max(life, 11)) // by now all have signed in
		fake := hosttest.NewFake(there...)
		fake.Shown = notes(t, dir, life)
		o := run(t, crashConfig(dir), fake)
		time.Sleep(time.Minute)
		if n := o.unfinished(); n > 0 {
			t.Errorf("%d messages are not finished", n)
		}
		o.stop()
		db, err := openStore(o.config.Journal.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		_ = db.View(func(tx *bolt.Tx) error {
			tables := tablesOf(tx)
			for n := range tables.newest {
				s, err := tables.load(n)
				if err != nil {
					t.Error(err)
				}
				records[s.entry.Message.ID] = s.record()
			}
			return nil
		})
	})
	return records
}

func readNotes(t *testing.T, dir string) map[string]map[string][]showing {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "shown"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	shown := map[string]map[string][]showing{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var life int
		var session, id string
		var again bool
		if _, err := fmt.Sscan(lines.Text(), &life, &session, &id, &again); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		if shown[id] == nil {
			shown[id] = map[string][]showing{}
		}
		shown[id][session] = append(shown[id][session], showing{life, again})
	}
	return shown
}

// checkShowings checks one message: in which life its sender heard the end (0:
// in none), what is on record, and when it was shown in which session. It
// returns how many times it was shown once more.
func checkShowings(t *testing.T, id string, heard int, r msg.Record, shown map[string][]showing) (twice int) {
	t.Helper()
	for session := range shown {
		if !strings.Contains(last(r.Receipts), session+" ") {
			t.Errorf("%s was shown in session %s, which is not on record", id, session)
		}
	}
	for _, receipt := range r.Receipts {
		session, list := receipt.Session.ID, shown[receipt.Session.ID]
		if !receipt.Final || receipt.Outcome.Bad() || receipt.Outcome == msg.OutcomeQueued || len(list) == 0 {
			t.Errorf("%s in session %q: %s, final %v, shown %d times", id, session, receipt.Outcome, receipt.Final, len(list))
		}
		for i, s := range list {
			switch kept := session >= "4" && r.Message.Queue > 0; {
			case i > 0 && !s.again:
				t.Errorf("%s was shown twice in session %s, and not marked: %v", id, session, list)
			case heard > 0 && s.life > heard && !kept:
				t.Errorf("%s was shown in session %s in life %d, after its sender heard all in life %d", id, session, s.life, heard)
			}
		}
		twice += max(0, len(list)-1)
	}
	return twice
}
