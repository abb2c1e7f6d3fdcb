package daemon

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"msg"
	"msg/internal/hosttest"
)

func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		c.Journal.Keep = 10 * day
		o := run(t, c, hosttest.NewFake(seat("1", "bob")))
		old := newMessage("old")
		old.ID = msg.NewID(time.Now())
		o.must("zoe", "bob", old)
		m := newMessage("kept")
		m.Queue = 20 * day
		o.must("zoe", "alice", m)
		time.Sleep(9 * day)
		o.must("zoe", "bob", newMessage("young"))
		time.Sleep(2 * day)
		var got []string
		for _, r := range o.records("root", "") {
			got = append(got, r.Message.Text)
		}
		want(t, "after 11 days", strings.Join(got, ", "), "young, kept")
		o.must("zoe", "bob", old) // its ID may be used again
		_ = o.journal.view(func(tables tables) error {
			for name, b := range map[string]*bolt.Bucket{"ids": tables.ids, "places": tables.places, "messages": tables.messages, "receipts": tables.receipts} {
				if n := b.Inspect().KeyN; n != 3 {
					t.Errorf("%d keys in %s", n, name)
				}
			}
			return nil
		})
	})
}

// TestSurplus: the largest account loses its oldest.
func TestSurplus(t *testing.T) {
	now := time.Now()
	list := []weighed{
		{1, now.Add(-time.Hour), "small", 10}, {2, now, "large", 50}, {3, now, "small", 10},
		{4, now, "large", 50}, {5, now, "large", 20}, {6, now, "", 1},
	}
	for _, c := range []struct {
		most   int64
		before time.Time
		want   []number
	}{
		{200, now.Add(-day), nil},
		{141, now.Add(-day), nil},
		{140, now.Add(-day), []number{2}},
		{91, now.Add(-day), []number{2}},
		{41, now.Add(-day), []number{2, 4}},
		{30, now.Add(-day), []number{2, 4, 5}},
		{0, now.Add(-day), []number{2, 4, 5, 1, 3, 6}},
		{200, now, []number{1}},
		{100, now, []number{1, 2}},
	} {
		if got := surplus(list, 141, c.before, c.most); !reflect.DeepEqual(got, c.want) {
			t.Errorf("down to %d, before %v: %v, want %v", c.most, c.before.Sub(now), got, c.want)
		}
	}
}

// TestMaxSize: one account writes much; what the other has sent stays.
func TestMaxSize(t *testing.T) {
	c := testConfig(t)
	c.Journal.MaxSize = 1 << 20
	o := run(t, c, hosttest.NewFake(seat("1", "bob")))
	o.must("zoe", "bob", newMessage("evidence"))
	for range 160 {
		o.must("root", "bob", newMessage(strings.Repeat("x", msg.MaxText)))
	}
	o.housekeeping(time.Now())
	list, total, err := []weighed{}, int64(0), error(nil)
	_ = o.journal.view(func(t tables) error {
		list, total, err = t.weigh()
		return err
	})
	if err != nil || total > c.Journal.MaxSize || len(list) < 100 {
		t.Errorf("%d bytes in %d messages, %v", total, len(list), err)
	}
	if len(o.records("zoe", "")) != 1 {
		t.Error("zoe's message was pushed out")
	}
	if size := o.journal.size(); size > 2*c.Journal.MaxSize {
		t.Errorf("%d bytes of the file are in use", size)
	}
}

// TestCompact: a file that is mostly empty is made smaller when it is opened.
func TestCompact(t *testing.T) {
	c := testConfig(t)
	o := run(t, c, hosttest.NewFake(seat("1", "bob")))
	o.must("zoe", "bob", newMessage("first"))
	if err := o.journal.do(func(t tables) error {
		return t.dnd.Put([]byte("ballast"), []byte(`{"on":true,"until":"2026-01-01T00:00:00Z"}`+strings.Repeat(" ", 6<<20)))
	}, nil); err != nil {
		t.Fatal(err)
	}
	o.must("zoe", "bob", newMessage("second"))
	large := usedSize(o.journal.db)
	o.stop()
	o = run(t, c, o.fake) // ends the ballast, with the do-not-disturbs that are over
	for ; len(o.peace.over(time.Now())) > 0; o.housekeeping(time.Now()) {
	}
	before := sizeOf(o.journal.db)
	o.stop()
	inTheWay := filepath.Join(c.Journal.Path+".small", "file") // as if there was no room for it
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	o = run(t, c, o.fake)
	if n := len(o.records("zoe", "")); n != 2 {
		t.Errorf("%d messages while it cannot be made smaller", n)
	}
	o.stop()
	if err := os.RemoveAll(filepath.Dir(inTheWay)); err != nil {
		t.Fatal(err)
	}
	o = run(t, c, o.fake)
	if after := sizeOf(o.journal.db); before < large || after > 1<<20 {
		t.Errorf("%d bytes were in use, the file had %d and has %d", large, before, after)
	}
	o.must("zoe", "bob", newMessage("third"))
	if n := len(o.records("zoe", "")); n != 3 {
		t.Errorf("%d messages", n)
	}
	if info, err := os.Stat(c.Journal.Path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// sizeOf is how much of the file has been used so far.
func sizeOf(db *bolt.DB) int64 { return usedSize(db) + freeSize(db) }
