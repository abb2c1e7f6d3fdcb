package daemon

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"msg"
	"msg/internal/account"
	"msg/internal/hosttest"
)

// windowsAccounts are CORP\bob, who is in CORP\Helpdesk, and CORP\carol. The
// controller of OTHER is away.
func windowsAccounts() *account.DB {
	return account.NewNames(account.Names{
		Find: func(name string) (account.Named, error) {
			switch strings.TrimPrefix(strings.ToLower(name), `corp\`) {
			case "bob":
				return account.Named{ID: "S-bob", Name: `CORP\bob`, User: true}, nil
			case "carol":
				return account.Named{ID: "S-carol", Name: `CORP\carol`, User: true}, nil
			case "helpdesk":
				return account.Named{ID: "S-helpdesk", Name: `CORP\Helpdesk`}, nil
			case `other\helpdesk`:
				return account.Named{}, errors.New("the controller is away")
			}
			return account.Named{}, fmt.Errorf("%w: %q", account.ErrUnknown, name)
		},
		Groups: func(id string) ([]string, error) {
			if id == "S-bob" {
				return []string{"S-users", "S-helpdesk"}, nil
			}
			return []string{"S-users"}, nil
		},
	})
}

// onWindows is a session as package stations lists it.
func onWindows(id, user string) hosttest.Person {
	s := seat(id, user)
	s.Session.Account = strings.ToLower(user)
	return s
}

func isMissing(err error) bool {
	var missing *msg.NoSessionError
	return errors.As(err, &missing)
}

// TestWindowsNames sends on a computer whose accounts have names and no
// numbers: to a group, and to somebody who is not signed in.
func TestWindowsNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		c.Rules = rules(t, "[[rule]]\nfrom=['*']\nto=['@corp\\helpdesk']\n")
		fake := hosttest.NewFake(onWindows("1", `CORP\carol`))
		o := runFor(t, c, fake, fake, windowsAccounts())
		if _, err := o.send("alice", "carol", newMessage("hello")); !errors.Is(err, msg.ErrRefused) {
			t.Errorf("to carol, who is not in the group: %v", err)
		}
		if _, err := o.send("alice", `CORP\zoe`, keep(newMessage("hello"))); !isMissing(err) {
			t.Errorf("to nobody: %v", err)
		}
		if _, err := o.send("alice", "helpdesk", keep(newMessage("hello"))); !isMissing(err) {
			t.Errorf("a group is kept a message: %v", err)
		}
		for _, to := range []string{"bob", "BOB", `corp\bob`} {
			receipts := o.must("alice", to, keep(newMessage("kept for "+to)))
			want(t, "to "+to, last(receipts), `CORP\bob queued`)
		}
		o.fake.Arrive(onWindows("2", `OTHER\bob`))
		o.fake.Arrive(onWindows("3", `CORP\bob`))
		synctest.Wait()
		if o.shows("2", "kept for") != 0 || o.shows("3", "kept for") != 3 {
			t.Errorf("one bob is shown %q, the other %q", fake.Screen(msg.Session{ID: "2"}), fake.Screen(msg.Session{ID: "3"}))
		}
	})
}

// TestWindowsWarnings: a group that exists, or may, is not called missing.
func TestWindowsWarnings(t *testing.T) {
	c, err := ReadConfig("f", []byte(`[[rule]]
from = ['@CORP\Helpdesk', '@helpdesk', '@OTHER\Helpdesk', 'CORP\bob', 'carol', 'CORP\zoe', 'CORP\Helpdesk']
to = ['@CORP\nobody', '@CORP\bob', '@msg']
`))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "warnings", strings.Join(c.Warnings(windowsAccounts()), "\n"), `user "CORP\\Helpdesk" does not exist
user "CORP\\zoe" does not exist
group "CORP\\bob" does not exist
group "CORP\\nobody" does not exist
group "msg" does not exist`)
	if w := DefaultConfig().Warnings(windowsAccounts()); len(w) > 0 {
		t.Errorf("the defaults: %q", w)
	}
}
