package account

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func testDB(t *testing.T, passwd, group string) *DB {
	t.Helper()
	dir := t.TempDir()
	db := NewAt(dir)
	write(t, db.users.path, passwd)
	write(t, db.groups.path, group)
	return db
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLookups(t *testing.T) {
	db := testDB(t, "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nalice:x:70001:70001::/home/alice:/bin/sh\nbroken\n:x:3:3::/:/\nbad:x:no:1::/:/\n",
		"root:x:0:\nmsg:x:70100:alice\n")
	if got := db.Name(0); got != "root" {
		t.Errorf("name of 0: %q", got)
	}
	if got, ok := db.Known(70001); got != "alice" || !ok {
		t.Errorf("known as 70001: %q, %v", got, ok)
	}
	if got, ok := db.Known(3999999999); ok {
		t.Errorf("nobody is known as %q", got)
	}
	if uid, ok := db.UID("toor"); !ok || uid != 0 {
		t.Errorf("toor: %d, %v", uid, ok)
	}
	if uid, ok := db.LocalUID("alice"); !ok || uid != 70001 {
		t.Errorf("alice: %d, %v", uid, ok)
	}
	if _, ok := db.LocalUID("bad"); ok {
		t.Error("an entry without a number counts")
	}
	if got := db.GroupName(70100); got != "msg" {
		t.Errorf("group 70100: %q", got)
	}
	if gid, err := db.GID("msg"); err != nil || gid != 70100 {
		t.Errorf("group msg: %d, %v", gid, err)
	}
	if got := db.Name(3999999999); got != "3999999999" {
		t.Errorf("nobody's number: %q", got)
	}
	if _, ok := db.UID("no-such-account-anywhere"); ok {
		t.Error("an account that is nowhere was found")
	}
	if _, ok := db.UID("0"); ok {
		t.Error("the number of an account is its name")
	}
	if _, ok := db.UID("--help"); ok {
		t.Error("an option of getent was found as an account")
	}
}

func TestInGroup(t *testing.T) {
	db := testDB(t, "root:x:0:0::/:/bin/sh\nalice:x:70001:70100::/:/bin/sh\nbob:x:70002:70002::/:/bin/sh\nzoe:x:70003:70003::/:/bin/sh\n",
		"root:x:0:\nmsg:x:70100:bob,dora\nlonely:x:70101:\n")
	for _, c := range []struct {
		user, group string
		want        bool
	}{
		{"alice", "msg", true}, {"bob", "msg", true}, {"zoe", "msg", false}, {"dora", "msg", true},
		{"bob", "lonely", false}, {"", "lonely", false}, {"bob", "no-such-group-anywhere", false}, {"root", "root", true},
		{"bo", "msg", false}, {"bob,dora", "msg", false},
	} {
		if got, err := db.InGroup(c.user, c.group); got != c.want || err != nil {
			t.Errorf("%q in %q: %v, %v, want %v", c.user, c.group, got, err, c.want)
		}
	}
	if !db.GroupExists("lonely") || db.GroupExists("no-such-group-anywhere") {
		t.Error("GroupExists")
	}
}

// TestChanges adds an account to a file that was read before.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := testDB(t, "alice:x:70001:70001::/:/bin/sh\n", "")
		if _, ok := db.LocalUID("zoe"); ok {
			t.Fatal("zoe is there too early")
		}
		write(t, db.users.path, "alice:x:70001:70001::/:/bin/sh\nzoe:x:70002:70002::/:/bin/sh\n")
		if _, ok := db.LocalUID("zoe"); ok {
			t.Error("the file is looked at for each question")
		}
		time.Sleep(2 * lookAgain) // of the bubble's clock
		if uid, ok := db.LocalUID("zoe"); !ok || uid != 70002 {
			t.Errorf("zoe after the change: %d, %v", uid, ok)
		}
	})
}

// TestDirectoryAway asks about an account while nobody answers: it is not
// remembered as one that does not exist, and who does not exist is.
func TestDirectoryAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := testDB(t, "", "")
		away, asked := true, 0
		db.run = func(ctx context.Context, database, key string) ([]byte, error) {
			asked++
			switch {
			case away:
				<-ctx.Done()
				return nil, ctx.Err()
			case database == "passwd" && (key == "zoe" || key == "70009"):
				return []byte("zoe:x:70009:70009::/home/zoe:/bin/sh\n"), nil
			case database == "group" && key == "staff":
				return []byte("staff:x:70300:\n"), nil
			}
			return nil, fmt.Errorf("%w: %q", ErrUnknown, key)
		}
		begin := time.Now()
		if uid, ok := db.UID("zoe"); ok {
			t.Errorf("nobody answers, and zoe is %d", uid)
		}
		if name := db.Name(70009); name != "70009" {
			t.Errorf("nobody answers, and 70009 is %q", name)
		}
		if in, err := db.InGroup("zoe", "staff"); in || err == nil {
			t.Errorf("nobody answers, and zoe is in the group: %v, %v", in, err)
		}
		if in, unsure := db.Memberships([]string{"staff"}, []uint32{70300}); len(in) > 0 || !slices.Equal(unsure, []string{"staff"}) {
			t.Errorf("nobody answers, and groups are %q, perhaps %q", in, unsure)
		}
		if took := time.Since(begin); took > getentTimeout {
			t.Errorf("it took %v", took)
		}
		away = false
		for range 5 { // who asks again and again does not keep it from being asked
			time.Sleep(getentTimeout / 2)
			db.UID("zoe")
		}
		if uid, ok := db.UID("zoe"); !ok || uid != 70009 {
			t.Errorf("zoe is %d, %v", uid, ok)
		}
		if name := db.Name(70009); name != "zoe" {
			t.Errorf("70009 is %q", name)
		}
		if in, unsure := db.Memberships([]string{"staff", "lonely"}, []uint32{70300}); !slices.Equal(in, []string{"staff"}) || len(unsure) > 0 {
			t.Errorf("groups are %q, perhaps %q", in, unsure)
		}
		asked = 0
		for range 3 {
			if _, ok := db.UID("nobody-of-that-name"); ok || db.Name(70010) != "70010" {
				t.Error("somebody was found who does not exist")
			}
		}
		if asked != 2 {
			t.Errorf("asked %d times about who does not exist", asked)
		}
	})
}

// TestDirectory compares with what the files of this computer say, which os/user
// reads here.
func TestDirectory(t *testing.T) {
	for _, c := range []struct{ database, key, want string }{
		{"passwd", "root", "root 0"}, {"passwd", "0", "root 0"}, {"group", "0", "root 0"}, {"group", "root", "root 0"},
		{"passwd", "no-such-user", ""}, {"passwd", "3999999999", ""}, {"shadow", "root", ""},
	} {
		fields, err := directory(c.database, c.key)
		got := ""
		if err == nil && len(fields) >= 4 {
			got = fields[0] + " " + fields[2]
		}
		if got != c.want {
			t.Errorf("directory(%q, %q) = %q, %v", c.database, c.key, fields, err)
		}
	}
}
