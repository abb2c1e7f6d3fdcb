package daemon

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
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
		to := "*"
		switch random.IntN(4) {
		case 0:
			m.Wait = true
			to = "2,3"
		case 1:
			m.Queue = time.Hour
			to = "alice,bob,root:"
		}
		target, _ := msg.ParseTarget(to)
		err := d.Send(context.Background(), principal("zoe"), target, m, func(r msg.Receipt) {
			if r.Final {
				fmt.Printf("heard %s %q\n", m.ID, r.Session.ID)
			}
		})
		if err != nil {
			fmt.Println("failed", m.ID, err)
		}
		death.pass(anywhere)
	}
}
