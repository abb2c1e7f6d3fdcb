package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"msg"
	"msg/internal/hosttest"
)

func TestLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake())
		began := time.Now()
		_, err := Open(o.config, hosttest.NewFake(), testAccounts(t), quietLog())
		if err == nil || !strings.Contains(err.Error(), "is in use for 3s: another msgd runs, stop it first") {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > 2*lockWait {
			t.Errorf("it took %v", took)
		}
	})
}

// TestGroupCommit: what comes together while the disk is busy is one
// transaction, and what comes alone does not wait for more.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake())
		synctest.Wait()
		var commits atomic.Int64
		busy := make(chan struct{})
		o.journal.update = func(write func(*bolt.Tx) error) error {
			commits.Add(1)
			<-busy
			return o.journal.db.Update(write)
		}
		for range 50 {
			go func() {
				if err := o.journal.do(func(t tables) error { return nil }, nil); err != nil {
					o.t.Error(err)
				}
			}()
			synctest.Wait()
		}
		close(busy)
		synctest.Wait()
		if n := commits.Load(); n != 2 {
			t.Errorf("%d transactions, want 2: the first alone, the others together", n)
		}
		began := time.Now()
		_ = o.journal.do(func(t tables) error { return nil }, nil)
		if took := time.Since(began); took != 0 {
			t.Errorf("one alone took %v", took)
		}
	})
}

// TestFullDisk: a message that cannot be written down is not shown. What was
// shown before is reported, and written when there is room.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := run(t, testConfig(t), hosttest.NewFake(seat("1", "bob")))
		o.must("zoe", "alice", keep(newMessage("for later")))
		var full atomic.Bool
		o.journal.update = func(write func(*bolt.Tx) error) error {
			if full.Load() {
				return errors.New("no space left on device")
			}
			return o.journal.db.Update(write)
		}
		answered := make(chan []msg.Receipt)
		go func() { answered <- o.must("zoe", "bob", question("well?")) }()
		synctest.Wait()
		full.Store(true)
		if _, err := o.send("zoe", "bob", newMessage("lost")); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("a message: %v", err)
		}
		if o.shows("1", "lost") != 0 || o.waiting.count() != 1 {
			t.Error("it was shown, or something is left of it")
		}
		if _, err := o.Answer(t.Context(), principal("bob"), msg.Answer{Message: o.records("bob", "")[0].Message.ID, Button: "ok"}); err != nil {
			t.Error(err)
		}
		want(t, "the sender hears", last(<-answered), "1 answered")
		want(t, "on record for now", last(o.records("zoe", "")[0].Receipts), "1 accepted...")
		o.fake.Arrive(seat("2", "alice"))
		time.Sleep(10 * time.Second)
		if o.shows("2", "for later") != 0 {
			t.Error("it was shown before that is on the disk")
		}
		full.Store(false)
		time.Sleep(2 * tryAgain)
		list := o.records("zoe", "")
		want(t, "when there is room", last(list[0].Receipts), "1 answered")
		want(t, "what was kept", last(list[1].Receipts), "2 accepted")
		if o.shows("2", "for later") != 1 || o.unfinished() != 0 {
			t.Error("what was kept is not shown once, or something is left")
		}
	})
}

// journalFile makes a journal with messages in it and returns its content.
func journalFile(t *testing.T) []byte {
	t.Helper()
	c := testConfig(t)
	c.Limits.Burst = 100
	o := run(t, c, hosttest.NewFake(seat("1", "bob"), seat("2", "alice")))
	for i := range 40 {
		o.must("zoe", "*", newMessage(strings.Repeat(fmt.Sprint(i), 500)))
	}
	o.setDND("bob", msg.DND{On: true})
	used := int64(0)
	_ = o.journal.db.View(func(tx *bolt.Tx) error {
		used = tx.Size()
		return nil
	})
	o.stop()
	b, err := os.ReadFile(c.Journal.Path)
	if err != nil {
		t.Fatal(err)
	}
	return b[:used] // the rest is there in advance
}

// TestDamaged damages a file in every way; it is always an error that says
// what to do, or nothing was lost.
func TestDamaged(t *testing.T) {
	whole := journalFile(t)
	dir, tried, opened := t.TempDir(), 0, 0
	try := func(what string, content []byte) {
		tried++ // after a panic the store has the old file still locked
		path := filepath.Join(dir, fmt.Sprint(tried))
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := openStore(path, quietLog())
		if err == nil {
			opened++
			if err := errors.Join(useStore(db), db.Close()); err != nil {
				t.Errorf("%s: it is opened, and then: %v", what, err)
			}
			return
		}
		damaged := strings.Contains(err.Error(), "is damaged") && strings.Contains(err.Error(), "keep a copy, move the file away")
		if !damaged && !strings.Contains(err.Error(), "a later version") { // one byte is the version
			t.Errorf("%s: %v", what, err)
		}
		if after, _ := os.ReadFile(path); string(after) != string(content) {
			t.Errorf("%s: the file was changed", what)
		}
	}
	try("nothing", whole)
	if opened != 1 {
		t.Fatal("the whole file cannot be opened")
	}
	used := len(whole)
	try("empty", nil)
	try("a text", []byte("[journal]\npath = 'x'\n"))
	for _, n := range []int{1, 4095, 4096, 8192, 16384, used / 2, used - 4096} {
		try(fmt.Sprintf("%d bytes of %d", n, used), whole[:n])
	}
	if opened != 1 {
		t.Error("a file that is too short was opened")
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		content := []byte(string(whole))
		at := random.IntN(used)
		if i%2 == 0 { // where the store keeps its own numbers
			at = at&^4095 + random.IntN(100)
		}
		for i := at; i < min(at+1+random.IntN(64), used); i++ {
			content[i] = byte(random.Uint32())
		}
		try(fmt.Sprintf("around %d", at), content)
	}
	if opened > 180 || opened < 20 {
		t.Errorf("%d of 200 were opened; it is to be those with a damaged text, free page, or one of two heads", opened-1)
	}
}

// useStore reads everything, writes, and has the store check itself.
func useStore(db *bolt.DB) error {
	return db.Update(func(tx *bolt.Tx) error {
		t := tablesOf(tx)
		for range t.newest {
		}
		if err := errors.Join(t.receipts.ForEach(func(_, _ []byte) error { return nil }), t.dnd.Put([]byte("1"), make([]byte, 10_000))); err != nil {
			return err
		}
		for err := range tx.Check() {
			return err
		}
		return nil
	})
}

func TestLaterVersion(t *testing.T) {
	c := testConfig(t)
	db, err := openStore(c.Journal.Path, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Put([]byte("version"), []byte("2")) }); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(c, hosttest.NewFake(), testAccounts(t), quietLog()); err == nil || !strings.Contains(err.Error(), "a later version") {
		t.Errorf("%v", err)
	}
}

// TestNotDamaged: what the system does not let msgd read is not to be moved away.
func TestNotDamaged(t *testing.T) {
	const path = "/var/lib/msg/journal.db"
	for _, errno := range []syscall.Errno{syscall.EROFS, syscall.ENOSPC, syscall.EACCES, syscall.EMFILE} {
		err := openError(path, &fs.PathError{Op: "open", Path: path, Err: errno})
		if want := "opening the journal: open " + path + ": " + errno.Error() + "; it is left as it is"; err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	empty := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(empty, quietLog()); err == nil || !strings.Contains(err.Error(), "damaged: it is empty") {
		t.Errorf("an empty file: %v", err)
	}
}

func TestNoFolder(t *testing.T) {
	if _, err := openStore("/proc/no-folder-here/journal.db", quietLog()); err == nil || !strings.Contains(err.Error(), "making the folder") {
		t.Errorf("%v", err)
	}
	dir := t.TempDir()
	db, err := openStore(filepath.Join(dir, "new", "journal.db"), quietLog())
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if info, err := os.Stat(filepath.Join(dir, "new")); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(filepath.Join(dir, "new")); len(files) != 1 {
		t.Errorf("left in the folder: %v", files)
	}
}
