package lab_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/test/lab"
)

// TestEverybody holds msg against wall, on a release that has utmp and on one
// that has not.
func TestEverybody(t *testing.T) {
	const people = 30
	wallReaches := map[string]int{"bookworm": people, "trixie": 0}
	eachInstalled(t, func(t *testing.T, host *lab.Host) {
		terms := signIn(host, people)
		host.Must("wall", "text-of-wall")
		r := host.Run(t.Context(), "msg", "*", "text-of-msg")
		if r.Code != 0 || r.Stdout+r.Stderr != "" {
			t.Errorf("msg: %+v", r)
		}
		limit := time.Now().Add(5 * time.Second)
		var missed []string
		for _, term := range terms {
			if term.WaitFor("text-of-msg", time.Until(limit)) != nil {
				missed = append(missed, term.TTY())
			}
		}
		// Both write to the same terminals, wall was first: what is not there
		// now will not come.
		walled := 0
		for _, term := range terms {
			if strings.Contains(term.Output(), "text-of-wall") {
				walled++
			}
		}
		t.Logf("msg reached %d of %d in %v, wall %d", people-len(missed), people, r.Took.Round(time.Millisecond), walled)
		if len(missed) > 0 {
			t.Errorf("msg did not reach %q", missed)
		}
		if want := wallReaches[host.Suite]; walled != want {
			t.Errorf("wall reached %d, expected %d", walled, want)
		}
	})
}

// TestBareHost has nothing but /proc to go by.
func TestBareHost(t *testing.T) {
	const people = 10
	host := withUsers(lab.Bare(t, "trixie"))
	install(t, host)
	terms := signIn(host, people)

	var names []string
	for _, s := range sessionsOf(t, host.Must("query", "session", "/json")) {
		if s.Source != "proc" {
			t.Errorf("session %s comes from %q", s.Name, s.Source)
		}
		names = append(names, s.Name)
	}
	if slices.Sort(names); !slices.Equal(names, ttys(terms)) {
		t.Errorf("query lists %q, the terminals are %q", names, ttys(terms))
	}

	if r := host.Run(t.Context(), "msg", "*", "to everybody"); r.Code != 0 {
		t.Errorf("msg: %+v", r)
	}
	for _, term := range terms {
		waitFor(t, term, "to everybody")
	}
}

// TestSharedConnection has two terminals in one login: logind knows one session,
// and both are in front of somebody.
func TestSharedConnection(t *testing.T) {
	eachInstalled(t, func(t *testing.T, host *lab.Host) {
		first, second := host.SSHTwice("alice")
		if r := host.Run(t.Context(), "msg", "alice", "to both"); r.Code != 0 {
			t.Errorf("msg: %+v", r)
		}
		waitFor(t, first, "to both")
		waitFor(t, second, "to both")
	})
}

func TestQuery(t *testing.T) {
	eachInstalled(t, func(t *testing.T, host *lab.Host) {
		terms := []*lab.Term{host.SSH("alice"), host.SSH("bob"), host.Login("bob")}
		var want []string
		for i, user := range []string{"alice", "bob", "bob"} {
			want = append(want, terms[i].TTY()+" "+user+" Active")
		}
		slices.Sort(want)
		// The columns are a promise, see behaviour of the same commands on
		// Windows.
		session, user := columns{1, 19, 48}, columns{23, 1, 46}
		for _, c := range []struct {
			command string
			layout  columns
		}{
			{"query session", session}, {"qwinsta", session}, {"query user", user}, {"quser", user},
		} {
			r := host.Run(t.Context(), strings.Fields(c.command)...)
			if got := c.layout.rows(r.Stdout); r.Code != 0 || !slices.Equal(got, want) {
				t.Errorf("%s: code %d, %q, want %q\n%s%s", c.command, r.Code, got, want, r.Stdout, r.Stderr)
			}
		}
		if r := host.Run(t.Context(), "query", "user", "carol"); r.Code != 1 || r.Stderr != "No User exists for carol\n" {
			t.Errorf("query user carol: %+v", r)
		}
	})
}

// columns are where the name of the session, the user and the state begin in a
// table.
type columns struct{ name, user, state int }

// rows returns "name user state" of each line but the first, sorted.
func (c columns) rows(table string) []string {
	var rows []string
	for i, line := range strings.Split(strings.TrimRight(table, "\n"), "\n") {
		if i > 0 {
			rows = append(rows, word(line, c.name)+" "+word(line, c.user)+" "+word(line, c.state))
		}
	}
	slices.Sort(rows)
	return rows
}

// word is what stands at a column, up to the next space.
func word(line string, column int) string {
	if column >= len(line) {
		return ""
	}
	w, _, _ := strings.Cut(line[column:], " ")
	return w
}

// TestOrdinaryUser sends without any right: to others that fails and says so,
// unlike wall.
func TestOrdinaryUser(t *testing.T) {
	eachInstalled(t, func(t *testing.T, host *lab.Host) {
		terms := signIn(host, 2)
		alice, bob := terms[0], terms[1]

		alice.Type("msg bob for-bob; echo code=$?\r")
		waitFor(t, alice, "code=1")
		waitFor(t, alice, "Error sending message to session "+bob.TTY()+" : permission denied")

		alice.Type("msg alice $((40+2))-for-me; echo second=$?\r")
		waitFor(t, alice, "42-for-me")
		waitFor(t, alice, "second=0")
		if strings.Contains(bob.Output(), "for-bob") {
			t.Error("an ordinary user wrote to the terminal of another")
		}
	})
}

// TestTmux looks at the screen of a person who works in tmux.
func TestTmux(t *testing.T) {
	const text = "The-server-restarts"
	eachInstalled(t, func(t *testing.T, host *lab.Host) {
		screen := host.Screen("alice")
		await(t, screen, lab.Shows("lab[/dev/pts/"))
		screen.Type("tmux")
		screen.Press("Enter")
		await(t, screen, func(screen string) bool {
			// The status line of tmux, and the prompt of the shell in it at the
			// top.
			return strings.Contains(screen, "0:bash*") && strings.HasPrefix(screen, "lab[/dev/pts/")
		})
		before := screen.Show()

		began := time.Now()
		if r := host.Run(t.Context(), "msg", "/time:5", "alice", text); r.Code != 0 || r.Took > 3*time.Second {
			t.Fatalf("msg: %+v", r)
		}
		await(t, screen, lab.Shows(text))
		if shown := screen.Show(); strings.Count(shown, text) != 1 || !strings.Contains(shown, "OK") {
			t.Errorf("not one box with OK:\n%s", shown)
		}
		await(t, screen, func(screen string) bool { return !strings.Contains(screen, text) })
		if took := time.Since(began); took < 4*time.Second || took > 8*time.Second {
			t.Errorf("the box closed after %v, not after 5s", took)
		}
		if after := screen.Show(); !sameScreen(before, after) {
			t.Errorf("the screen was\n%s\nand is now\n%s", before, after)
		}
		pane := host.Must("runuser", "-u", "alice", "--", "tmux", "capture-pane", "-p", "-S", "-")
		if strings.Contains(pane, text) {
			t.Errorf("it was written into the pane too:\n%s", pane)
		}
	})
}

// sameScreen compares two screens but for the last line, where tmux has a
// clock.
func sameScreen(a, b string) bool {
	return withoutLastLine(a) == withoutLastLine(b)
}

func withoutLastLine(screen string) string {
	screen = strings.TrimRight(screen, "\n")
	return screen[:max(0, strings.LastIndexByte(screen, '\n'))]
}

// TestStoppedTerminal has one person who pressed Ctrl-S while a program was
// writing. The others must not wait.
func TestStoppedTerminal(t *testing.T) {
	eachInstalled(t, func(t *testing.T, host *lab.Host) {
		terms := signIn(host, 6)
		stopped, others := terms[0], terms[1:]
		stopped.Type("yes filler\r")
		waitFor(t, stopped, "filler\r\nfiller")
		stopped.Type("\x13") // Ctrl-S
		if err := stopped.WaitQuiet(200*time.Millisecond, 10*time.Second); err != nil {
			t.Fatal(err)
		}

		start := host.Run(t.Context(), "msg", "/?").Took
		r := host.Run(t.Context(), "msg", "*", "hello-others")
		want := fmt.Sprintf("Error sending message to session %s : terminal is not taking output", stopped.TTY())
		if r.Code != 1 || !strings.HasPrefix(r.Stderr, want) || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("msg: %+v, want one line %q", r, want)
		}
		if limit := start + 500*time.Millisecond; r.Took > limit {
			t.Errorf("msg took %v, the limit is %v", r.Took, limit)
		}
		for _, term := range others {
			waitFor(t, term, "hello-others")
		}
	})
}

// TestReceipts reads what msg says with /v and with /json.
func TestReceipts(t *testing.T) {
	host := withUsers(lab.Boot(t, "trixie"))
	install(t, host)
	tty := host.SSH("alice").TTY()

	want := fmt.Sprintf("Sending message to session %s, display time 60\nAsync message sent to session %s\n", tty, tty)
	if r := host.Run(t.Context(), "msg", "/v", "alice", "verbose"); r.Code != 0 || r.Stdout != want {
		t.Errorf("/v: %+v, want %q", r, want)
	}

	receipts := receiptsOf(t, host.Must("msg", "/json", "*", "for programs"))
	if len(receipts) != 1 {
		t.Fatalf("receipts: %+v", receipts)
	}
	got := receipts[0]
	if got.Outcome != msg.OutcomeAccepted || got.Surface != "terminal" || !got.Final ||
		got.Session.Name != tty || got.Session.User != "alice" || got.Session.Host != host.Name {
		t.Errorf("receipt: %+v", got)
	}

	if r := host.Run(t.Context(), "msg", "nobody", "x"); r.Code != 1 || r.Stderr != "nobody does not exist or is disconnected\n" {
		t.Errorf("to nobody: %+v", r)
	}
	if r := host.Run(t.Context(), "msg", "/wrong", "alice", "x"); r.Code != 2 || !strings.HasPrefix(r.Stderr, "Invalid parameter(s)\n") {
		t.Errorf("wrong option: %+v", r)
	}
}
