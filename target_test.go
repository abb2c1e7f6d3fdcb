package msg_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"msg"
)

func place(id, name, user string) msg.Session { return msg.Session{ID: id, Name: name, User: user} }

// office has every kind of session that a selector can mean.
func office() []msg.Session {
	front := place("2", "tty2", "bob")
	front.Console = true
	return []msg.Session{
		place("0", "services", ""),
		front,
		place("3", "pts/3", "bob"),
		place("5", "pts/5", "Bob"),
		place("c1", ":0", "alice"),
		place("12", "localhost:10.0", "erin"),
		place("20", "rdp-tcp#3", `CORP\frank`),
		place("21", "rdp-tcp#4", "grace@corp"),
		place("30", "", "ADM-heidi"),
		place("31", "pts/31", "adm-ivan"),
		place("65536", "rdp-tcp", ""),
	}
}

// ids is what a target picks, as "2 3", and what it misses.
func ids(t *testing.T, list string, sessions []msg.Session) (matched, missing string) {
	t.Helper()
	target, err := msg.ParseTarget(list)
	if err != nil {
		t.Fatalf("ParseTarget(%q): %v", list, err)
	}
	found, none := target.Resolve(sessions)
	var a, b []string
	for _, s := range found {
		a = append(a, s.ID)
	}
	for _, s := range none {
		b = append(b, s.String())
	}
	return strings.Join(a, " "), strings.Join(b, " ")
}

func TestResolve(t *testing.T) {
	for _, c := range []struct{ target, matched, missing string }{
		// Everybody: not the services, not the listener.
		{"*", "2 3 5 c1 12 20 21 30 31", ""},

		// IDs.
		{"3", "3", ""},
		{"c1", "c1", ""},
		{"C1", "c1", ""},
		{"4", "", "4"},
		{"0", "0", ""},
		{"65536", "65536", ""},

		// Names of sessions.
		{"console", "2", ""},
		{"CONSOLE", "2", ""},
		{"tty2", "2", ""},
		{"pts/3", "3", ""},
		{"PTS/3", "3", ""},
		{"pts/4", "", "pts/4"},
		{"rdp-tcp#3", "20", ""},
		{"RDP-Tcp#3", "20", ""},
		{"localhost:10.0", "12", ""},
		{"LocalHost:10.0", "12", ""},
		{"rdp-tcp", "65536", ""},

		// Users: exact before any case.
		{"bob", "2 3", ""},
		{"Bob", "5", ""},
		{"BOB", "2 3 5", ""},
		{"bo", "", "bo"},

		// Users with a domain.
		{`CORP\frank`, "20", ""},
		{`frank@corp`, "20", ""},
		{`corp\FRANK`, "20", ""},
		{`CORP\grace`, "21", ""},
		{`grace@CORP`, "21", ""},
		{"frank", "20", ""},
		{"GRACE", "21", ""},
		{`OTHER\frank`, "", `OTHER\frank`},
		{`CORP\bob`, "", `CORP\bob`},
		{`CORP\*`, "20 21", ""},

		// A colon.
		{"bob:2", "2", ""},
		{"bob:5", "5", ""}, // nothing but Bob has it
		{"BOB:3", "3", ""},
		{"bob:c1", "", "bob:c1"},
		{"alice:C1", "c1", ""},
		{"frank:20", "20", ""},
		{`CORP\frank:20`, "20", ""},
		{":2", "2", ""},
		{":C1", "c1", ""},
		{":0", "0", ""},
		{":4", "", ":4"},
		{":bob", "", ":bob"},
		{"bob:", "2 3", ""},
		{"BOB:", "2 3 5", ""},
		{"3:", "", "3:"},
		{"tty2:", "", "tty2:"},
		{"bob:pts/3", "", "bob:pts/3"},
		{":", "", ":"},

		// Wildcards, over users and names, never over places with nobody.
		{"adm*", "31", ""},
		{"ADM*", "30", ""},
		{"Adm*", "30 31", ""},
		{"b?b", "2 3", ""},
		{"bob*", "2 3", ""}, // the star may stand for nothing
		{"pts/?", "3 5", ""},
		{"pts/*", "3 5 31", ""},
		{"rdp-tcp*", "20 21", ""},
		{"serv*", "", "serv*"},
		{"?*", "2 3 5 c1 12 20 21 30 31", ""},
		{"1?", "", "1?"}, // not over IDs
		{"adm*:30", "30", ""},
		{"*:3", "3", ""},
		{"localhost:*", "12", ""},
		{":?", "c1", ""},

		// Lists: each session once, in the order of the sessions.
		{"alice,bob", "2 3 c1", ""},
		{"bob,2,tty2,console,bob:2,*", "2 3 5 c1 12 20 21 30 31", ""},
		{" bob , ,alice,", "2 3 c1", ""},
		{"nobody,3,no*,:99", "3", "nobody no* :99"},
		{"bob,BOB", "2 3 5", ""},
	} {
		matched, missing := ids(t, c.target, office())
		if matched != c.matched || missing != c.missing {
			t.Errorf("%q means %q and misses %q, want %q and %q", c.target, matched, missing, c.matched, c.missing)
		}
	}
}

// TestResolveCollisions has names that mean more than one thing.
func TestResolveCollisions(t *testing.T) {
	for _, c := range []struct {
		name     string
		target   string
		sessions []msg.Session
		matched  string
	}{
		{"ID 2 goes before display :2", ":2", []msg.Session{place("7", ":2", "alice"), place("2", "tty2", "bob")}, "2"},
		{"display :0", ":0", []msg.Session{place("c1", ":0", "alice"), place("c2", ":1", "bob")}, "c1"},
		{"display :2 without an ID 2", ":2", []msg.Session{place("7", ":2", "alice"), place("3", "tty3", "bob")}, "7"},
		{"a user named like an ID", "42", []msg.Session{place("42", "tty1", "alice"), place("9", "tty2", "42")}, "42 9"},
		{"only the ID", ":42", []msg.Session{place("42", "tty1", "alice"), place("9", "tty2", "42")}, "42"},
		{"only the user", "42:", []msg.Session{place("42", "tty1", "alice"), place("9", "tty2", "42")}, "9"},
		{"a user named like a session", "tty1", []msg.Session{place("1", "tty1", "alice"), place("2", "tty2", "tty1")}, "1 2"},
		{"local user before the domain's", "bob", []msg.Session{place("1", "tty1", "bob"), place("2", "tty2", `CORP\bob`)}, "1"},
		{"local user in another case goes with the domain's", "bob", []msg.Session{place("1", "tty1", "BOB"), place("2", "tty2", `CORP\bob`)}, "1 2"},
		{"domain user when there is no other", "bob", []msg.Session{place("1", "tty1", "alice"), place("2", "tty2", "bob@corp")}, "2"},
		{"both spellings of a domain user", `CORP\bob`, []msg.Session{place("1", "tty1", "bob@corp"), place("2", "tty2", `CORP\bob`), place("3", "tty3", "bob@lab")}, "1 2"},
		{"two domains", "bob", []msg.Session{place("1", "tty1", `CORP\bob`), place("2", "tty2", `LAB\bob`)}, "1 2"},
		{"name with a colon and a user with an ID", "bob:2", []msg.Session{place("2", "tty2", "bob"), place("9", "bob:2", "alice")}, "2 9"},
		{"console on a host without a seat", "console", []msg.Session{place("1", "Console", "alice"), place("2", "rdp-tcp#1", "bob")}, "1"},
		{"nobody is there", "*", nil, ""},
	} {
		if matched, _ := ids(t, c.target, c.sessions); matched != c.matched {
			t.Errorf("%s: %q means %q, want %q", c.name, c.target, matched, c.matched)
		}
	}
}

func TestMatchRank(t *testing.T) {
	bob := place("c1", "tty2", `CORP\bob`)
	for _, c := range []struct {
		selector string
		want     msg.Rank
	}{
		{"*", msg.ExactMatch},
		{"c1", msg.ExactMatch},
		{"C1", msg.LooseMatch},
		{"tty2", msg.ExactMatch},
		{"TTY2", msg.LooseMatch},
		{`CORP\bob`, msg.ExactMatch},
		{"bob@corp", msg.ExactMatch}, // domains have no case
		{`CORP\Bob`, msg.LooseMatch},
		{"bob", msg.LooseMatch},
		{"b*", msg.LooseMatch},
		{"CORP*", msg.ExactMatch},
		{"alice", msg.NoMatch},
	} {
		target, err := msg.ParseTarget(c.selector)
		if err != nil {
			t.Fatal(err)
		}
		if got := target[0].Match(bob); got != c.want {
			t.Errorf("%q.Match = %d, want %d", c.selector, got, c.want)
		}
	}
}

func TestParseTarget(t *testing.T) {
	for _, list := range []string{"", " ", ",", " , ,"} {
		if target, err := msg.ParseTarget(list); !errors.Is(err, msg.ErrTarget) || target != nil {
			t.Errorf("ParseTarget(%q) = %v, %v", list, target, err)
		}
	}
	target, err := msg.ParseTarget("bob, John Smith ,,:2")
	if err != nil {
		t.Fatal(err)
	}
	var written []string
	for _, s := range target {
		written = append(written, s.String())
	}
	if want := []string{"bob", "John Smith", ":2"}; !slices.Equal(written, want) {
		t.Errorf("ParseTarget = %q, want %q", written, want)
	}
}

func TestTargetAll(t *testing.T) {
	for list, want := range map[string]bool{"*": true, "bob, *": true, "bob": false, "**": false, "?*": false, "*:": false, "*:2": false} {
		target, err := msg.ParseTarget(list)
		if err != nil {
			t.Fatal(err)
		}
		if got := target.All(); got != want {
			t.Errorf("%q: All = %v, want %v", list, got, want)
		}
	}
}

func TestMissingError(t *testing.T) {
	if err := msg.MissingError(nil); err != nil {
		t.Errorf("MissingError(nil) = %v", err)
	}
	target, err := msg.ParseTarget("bob,:9")
	if err != nil {
		t.Fatal(err)
	}
	err = msg.MissingError(target)
	if want := "bob, :9 does not exist or is disconnected"; err == nil || err.Error() != want {
		t.Errorf("MissingError = %v, want %q", err, want)
	}
	var none *msg.NoSessionError
	if !errors.Is(err, msg.ErrNoSession) || !errors.As(err, &none) || !slices.Equal(none.Selectors, []string{"bob", ":9"}) {
		t.Errorf("MissingError = %#v", err)
	}
}

// TestGlobTakesNoTime is against a pattern that makes a simple matcher try
// every way to divide the name.
func TestGlobTakesNoTime(t *testing.T) {
	hostile := place("1", strings.Repeat("a", 2000), "eve")
	target, err := msg.ParseTarget(strings.Repeat("a*", 500) + "b")
	if err != nil {
		t.Fatal(err)
	}
	if matched, _ := target.Resolve([]msg.Session{hostile}); len(matched) != 0 {
		t.Errorf("Resolve = %v", matched)
	}
}

// FuzzParseTarget holds what Resolve promises for any list and any session.
func FuzzParseTarget(f *testing.F) {
	for _, list := range []string{"*", "bob", "bob:2,:2,bob:", ":0", "adm*,pts/?", `CORP\bob,bob@corp`, "a,,b", ":", "::", "**", "b*:*", "localhost:10.0", "\xff", "İ,ſ,K"} {
		f.Add(list, "2", "tty2", "bob")
		f.Add(list, "c1", ":2", `CORP\bob`)
		f.Add(list, "65536", list, "")
		f.Add(list, list, "", list)
	}
	f.Fuzz(func(t *testing.T, list, id, name, user string) {
		target, err := msg.ParseTarget(list)
		blank := strings.TrimSpace(strings.ReplaceAll(list, ",", " ")) == ""
		if blank != errors.Is(err, msg.ErrTarget) || !blank && err != nil {
			t.Fatalf("ParseTarget(%q): %v", list, err)
		}
		sessions := append(office(), place(id, name, user), place(id, name, ""))
		for i := range sessions {
			sessions[i].Host = string(rune('A' + i)) // to tell them apart
		}
		checkResolve(t, target, sessions)
	})
}

// checkResolve compares Resolve with its definition.
func checkResolve(t *testing.T, target msg.Target, sessions []msg.Session) {
	t.Helper()
	meant := make([]bool, len(sessions))
	var none []msg.Selector
	for _, sel := range target {
		again, err := msg.ParseTarget(sel.String())
		if err != nil || len(again) != 1 || again[0] != sel {
			t.Fatalf("%q is not the same when read again: %v, %v", sel, again, err)
		}
		best := msg.NoMatch
		for _, s := range sessions {
			best = max(best, sel.Match(s))
		}
		if best == msg.NoMatch {
			if !slices.Contains(none, sel) {
				none = append(none, sel)
			}
			continue
		}
		for i, s := range sessions {
			if sel.Match(s) == best {
				meant[i] = true
				if s.User == "" && strings.ContainsAny(sel.String(), "*?") {
					t.Fatalf("%q means a place with nobody: %+v", sel, s)
				}
			}
		}
	}
	var want []msg.Session
	for i, s := range sessions {
		if meant[i] {
			want = append(want, s)
		}
	}
	matched, missing := target.Resolve(sessions)
	if !slices.Equal(matched, want) || !slices.Equal(missing, none) {
		t.Fatalf("Resolve = %v, %v; want %v, %v", matched, missing, want, none)
	}
}
