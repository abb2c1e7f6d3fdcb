package account

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// domain is a Windows with a German name for the group of users, in the domain
// CORP.
type domain struct {
	asked  atomic.Int32
	down   error         // what every call fails with
	takes  time.Duration // each call
	groups map[string][]string
}

func newDomain() *domain {
	return &domain{groups: map[string][]string{"S-bob": {"S-1-1-0", "S-users", "S-helpdesk"}, "S-carol": {"S-1-1-0", "S-users"}}}
}

func (d *domain) find(name string) (Named, error) {
	d.asked.Add(1)
	time.Sleep(d.takes)
	if d.down != nil {
		return Named{}, d.down
	}
	accounts := map[string]Named{
		"bob": {"S-bob", `CORP\bob`, true}, `corp\bob`: {"S-bob", `CORP\bob`, true}, "bob@corp.example": {"S-bob", `CORP\bob`, true},
		`corp\carol`: {"S-carol", `CORP\carol`, true}, "benutzer": {"S-users", `VORDEFINIERT\Benutzer`, false}, "s-users": {"S-users", `VORDEFINIERT\Benutzer`, false},
		`corp\helpdesk`: {"S-helpdesk", `CORP\Helpdesk`, false}, `other\helpdesk`: {"S-other", `OTHER\Helpdesk`, false},
	}
	if n, ok := accounts[strings.ToLower(name)]; ok {
		return n, nil
	}
	return Named{}, fmt.Errorf("%q: %w", name, ErrUnknown)
}

func (d *domain) groupsOf(id string) ([]string, error) {
	d.asked.Add(1)
	time.Sleep(d.takes)
	return d.groups[id], d.down
}

func (d *domain) db() *DB { return NewNames(Names{Find: d.find, Groups: d.groupsOf}) }

func TestNames(t *testing.T) {
	db := newDomain().db()
	for _, name := range []string{"bob", "BOB", `corp\Bob`, "bob@corp.example"} {
		if user, account, ok := db.Person(name); user != `CORP\bob` || account != `corp\bob` || !ok {
			t.Errorf("%q is %q, %q, %v", name, user, account, ok)
		}
	}
	for _, name := range []string{"zoe", `CORP\Helpdesk`, "Benutzer", ""} {
		if user, account, ok := db.Person(name); ok {
			t.Errorf("%q is %q, %q", name, user, account)
		}
	}
	for _, c := range []struct {
		user, group string
		want        bool
	}{
		{`CORP\bob`, `CORP\Helpdesk`, true}, {`corp\BOB`, `corp\helpdesk`, true}, {`CORP\carol`, `CORP\Helpdesk`, false},
		{`CORP\bob`, `OTHER\Helpdesk`, false}, // of that name, and another one
		{`CORP\carol`, "Benutzer", true}, {`CORP\carol`, "S-users", true}, {`CORP\bob`, "Users", false},
		{`CORP\bob`, `CORP\bob`, false}, {`CORP\zoe`, "Benutzer", false}, {"", "Benutzer", false}, {"?", "Benutzer", false}, {`CORP\bob`, "", false},
	} {
		if got, err := db.InGroup(c.user, c.group); got != c.want || err != nil {
			t.Errorf("%q in %q: %v, %v, want %v", c.user, c.group, got, err, c.want)
		}
	}
	for name, want := range map[string]string{`CORP\bob`: "user", "Benutzer": "group", `CORP\Helpdesk`: "group", "Users": "", "": ""} {
		if got := db.UserExists(name); got != (want == "user") {
			t.Errorf("user %q exists: %v", name, got)
		}
		if got := db.GroupExists(name); got != (want == "group") {
			t.Errorf("group %q exists: %v", name, got)
		}
	}
	if id, err := db.GroupID("benutzer"); id != "S-users" || err != nil {
		t.Errorf("the group is %q, %v", id, err)
	}
	for _, name := range []string{"bob", "Users", ""} {
		if id, err := db.GroupID(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q is the group %q, %v", name, id, err)
		}
	}
	if !db.HasDomains() || New().HasDomains() {
		t.Error("HasDomains")
	}
}

// is reports whether a user is in a group, which can be told.
func is(t *testing.T, db *DB, user, group string) bool {
	t.Helper()
	in, err := db.InGroup(user, group)
	if err != nil {
		t.Errorf("%s in %s: %v", user, group, err)
	}
	return in
}

// TestNumbers has the same questions asked of a system with numbers.
func TestNumbers(t *testing.T) {
	db := testDB(t, "toor:x:0:0::/root:/bin/sh\nalice:x:70001:70001::/home/alice:/bin/sh\nroot:x:0:0::/:/\n", "staff:x:70300:\n")
	if id, err := db.GroupID("staff"); id != "70300" || err != nil {
		t.Errorf("the group is %q, %v", id, err)
	}
	if user, account, ok := db.Person("alice"); user != "alice" || account != "70001" || !ok {
		t.Errorf("alice is %q, %q, %v", user, account, ok)
	}
	if user, account, ok := db.Person("root"); user != "toor" || account != "0" || !ok {
		t.Errorf("root is %q, %q, %v", user, account, ok)
	}
	if _, _, ok := db.Person("no-such-account-anywhere"); ok || db.UserExists("no-such-account-anywhere") || !db.UserExists("alice") {
		t.Error("who exists")
	}
}

// TestNamesAgain changes a group, and then has nobody answer.
func TestNamesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDomain()
		db := d.db()
		in := func() bool { return is(t, db, `CORP\bob`, `CORP\Helpdesk`) }
		for range 2 {
			if !in() {
				t.Error("bob is not in the group")
			}
		}
		if d.asked.Load() != 3 {
			t.Errorf("asked %d times, want once for user, group and groups", d.asked.Load())
		}
		d.groups["S-bob"] = nil
		if !in() {
			t.Error("it is asked each time")
		}
		time.Sleep(namesAgain)
		if in() {
			t.Error("bob is in the group for ever")
		}
		d.groups["S-bob"] = []string{"S-helpdesk"}
		time.Sleep(namesAgain)
		if !in() {
			t.Error("bob does not come into the group")
		}
		d.down = errors.New("the domain controller is away")
		time.Sleep(time.Hour)
		if !in() {
			t.Error("who was in the group is in none while nobody answers")
		}
		if is, err := db.InGroup("carol", "never asked for"); is || err == nil || !db.UserExists("never asked for") || !db.GroupExists("never asked for") {
			t.Error("what cannot be found out is certain")
		}
		if _, _, ok := db.Person("never asked for"); ok {
			t.Error("somebody is there who cannot be found")
		}
	})
}

// TestNamesLate has calls that take longer than anybody waits.
func TestNamesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDomain()
		d.takes = 30 * time.Second
		db := d.db()
		begin := time.Now()
		for range 100 {
			_, _, ok := db.Person("bob")
			if in, err := db.InGroup(`CORP\carol`, "Benutzer"); ok || in || err == nil {
				t.Error("an answer came that was not waited for")
			}
		}
		if took := time.Since(begin); took != getentTimeout || d.asked.Load() != 1 {
			t.Errorf("it took %v and %d calls", took, d.asked.Load())
		}
		time.Sleep(10 * time.Second)
		db.Person(`CORP\carol`)
		if d.asked.Load() != 1 {
			t.Error("a call has begun while another one was late")
		}
		time.Sleep(30 * time.Second)
		if user, _, ok := db.Person("bob"); !ok {
			t.Errorf("the late answer is lost: %q", user)
		}
		synctest.Wait()
		d.takes = 0
		if !is(t, db, `CORP\bob`, `CORP\Helpdesk`) || !is(t, db, `CORP\carol`, "Benutzer") {
			t.Error("nobody is found any more")
		}
	})
}

// TestNamesMany asks for more names than are remembered.
func TestNamesMany(t *testing.T) {
	d := newDomain()
	db := d.db()
	for i := range 2*maxNames + 5 {
		db.UserExists(fmt.Sprint("nobody", i))
	}
	if n := len(db.names.found); n > maxNames {
		t.Errorf("%d names are remembered", n)
	}
}
