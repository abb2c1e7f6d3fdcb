package daemon

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"msg"
	"msg/internal/hosttest"
)

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
	heard := map[string]map[string]int{} // by message and session: in which life the sender heard the end
	life := 0
	for len(heard) < wanted && life < wanted {
		life++
		oneLife(t, dir, life, heard)
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

// oneLife runs a msgd until it is killed, and adds what its senders heard.
func oneLife(t *testing.T, dir string, life int, heard map[string]map[string]int) {
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
		if strings.HasPrefix(line, "failed") {
			t.Errorf("life %d: %s", life, line)
		}
		var id, session string
		if n, _ := fmt.Sscanf(line, "heard %s %q\n", &id, &session); n == 2 {
			if heard[id] == nil {
				heard[id] = map[string]int{}
			}
			heard[id][session] = life
		}
	}
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
		db, err := openStore(o.config.Journal.Path, quietLog())
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

// checkShowings checks one message: in which life its sender heard the end, what
// is on record, and when it was shown in which session. It returns how many
// times it was shown once more.
func checkShowings(t *testing.T, id string, heard map[string]int, r msg.Record, shown map[string][]showing) (twice int) {
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
			if i > 0 && !s.again {
				t.Errorf("%s was shown twice in session %s, and not marked: %v", id, session, list)
			}
			if end, ok := heard[session]; ok && s.life > end {
				t.Errorf("%s was shown in session %s in life %d, after its sender heard the end in life %d", id, session, s.life, end)
			}
		}
		twice += max(0, len(list)-1)
	}
	return twice
}
