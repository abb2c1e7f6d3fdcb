package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/text"
)

// The recorded lines are what Windows prints; of "query session" they have
// lost the blanks at their ends, which padded gives back.
const sessionWidth = 76

func padded(block string) string {
	var b strings.Builder
	for line := range strings.Lines(block) {
		fmt.Fprintf(&b, "%-*s\n", sessionWidth, strings.TrimSuffix(line, "\n"))
	}
	return b.String()
}

const recordedSessions = ` SESSIONNAME       USERNAME                 ID  STATE   TYPE        DEVICE
 services                                    0  Disc
>console           drbrown                   1  Active
 31c5ce94259d4...                        65536  Listen
 rdp-tcp                                 65537  Listen
`

func TestSessionTableAsOnWindows(t *testing.T) {
	got := SessionTable([]msg.Session{
		{ID: "0", Name: "services", State: msg.StateDisconnected, Idle: msg.IdleUnknown},
		{ID: "1", Name: "console", User: "drbrown", State: msg.StateActive, Own: true, Console: true},
		{ID: "65536", Name: "31c5ce94259d4006a9e4#0", State: msg.StateListen},
		{ID: "65537", Name: "rdp-tcp", State: msg.StateListen},
	})
	if want := padded(recordedSessions); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// TestTablesOfStations has sessions as Windows itself names them: its commands
// show them in lower case and without domains.
func TestTablesOfStations(t *testing.T) {
	list := []msg.Session{
		{ID: "0", Name: "Services", State: msg.StateDisconnected, Idle: msg.IdleUnknown, Source: msg.SourceWTS},
		{ID: "1", Name: "Console", User: `PC42\DrBrown`, State: msg.StateActive, Idle: msg.IdleUnknown, Own: true, Source: msg.SourceWTS},
		{ID: "65536", Name: "31C5CE94259D4006A9E4#0", State: msg.StateListen, Source: msg.SourceWTS},
		{ID: "65537", Name: "RDP-Tcp", State: msg.StateListen, Source: msg.SourceWTS},
	}
	if got, want := SessionTable(list), padded(recordedSessions); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	want := userRow(" ", "USERNAME", "SESSIONNAME", "ID", "STATE", "IDLE TIME", "LOGON TIME") +
		">drbrown               console             1  Active      none   none\n"
	if got := UserTable(list[1:2], text.LocaleFor("en_US")); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	list[1].Source = "logind" // where case matters
	if got := SessionTable(list[1:2]); !strings.Contains(got, `>Console           PC42\DrBrown `) {
		t.Errorf("got %q", got)
	}
}

func TestStateWord(t *testing.T) {
	for state, want := range map[msg.State]string{
		msg.StateActive: "Active", msg.StateConnected: "Conn", msg.StateDisconnected: "Disc", msg.StateListen: "Listen",
		"connq": "ConnQ", "shadow": "Shadow", "idle": "Idle", "reset": "Reset", "down": "Down", "init": "Init", "new": "new",
	} {
		if got := stateWord(state); got != want {
			t.Errorf("%s is %q, want %q", state, got, want)
		}
	}
}

// recordedUsers are from three countries; the words of the German line are
// put into English, its date is as it was.
const recordedUsers = ` USERNAME              SESSIONNAME        ID  STATE   IDLE TIME  LOGON TIME
>adm-ajaney            rdp-tcp#4           4  Active          .  1/30/2020 4:27 PM
>wesel                 console             2  Active    3+13:42  9/6/2026 8:22 AM
 lbambrick                                 2  Disc           28  3/02/2023 7:36 PM
 manfred               console             4  Active      none   28.04.2025 12:03
`

func TestUserTableAsOnWindows(t *testing.T) {
	day := func(year int, month time.Month, day, hour, minute int) time.Time {
		return time.Date(year, month, day, hour, minute, 59, 0, time.UTC)
	}
	recorded := strings.SplitAfter(recordedUsers, "\n")
	for i, c := range []struct {
		locale  string
		session msg.Session
	}{
		{"en_US", msg.Session{User: "adm-ajaney", Name: "rdp-tcp#4", ID: "4", State: msg.StateActive, Idle: 59 * time.Second, Since: day(2020, 1, 30, 16, 27), Own: true}},
		{"en_US.UTF-8", msg.Session{User: "wesel", Name: "console", ID: "2", State: msg.StateActive, Idle: 3*24*time.Hour + 13*time.Hour + 42*time.Minute, Since: day(2026, 9, 6, 8, 22), Own: true}},
		{"en_AU", msg.Session{User: "lbambrick", ID: "2", State: msg.StateDisconnected, Idle: 28 * time.Minute, Since: day(2023, 2, 3, 19, 36)}},
		{"de_DE", msg.Session{User: "manfred", Name: "console", ID: "4", State: msg.StateActive, Idle: msg.IdleUnknown, Since: day(2025, 4, 28, 12, 3)}},
	} {
		got := UserTable([]msg.Session{c.session}, text.LocaleFor(c.locale))
		if want := recorded[0] + recorded[i+1]; got != want {
			t.Errorf("%s: got\n%q\nwant\n%q", c.locale, got, want)
		}
	}
}

func TestIdleWord(t *testing.T) {
	const minute, hour, day = time.Minute, time.Hour, 24 * time.Hour
	for _, c := range []struct {
		idle time.Duration
		want string // in its nine columns
	}{
		{0, "        ."},
		{minute - 1, "        ."},
		{minute, "        1"},
		{3 * minute, "        3"},
		{28*minute + 59*time.Second, "       28"},
		{59 * minute, "       59"},
		{hour, "     1:00"},
		{hour + 20*minute, "     1:20"},
		{23*hour + 59*minute, "    23:59"},
		{day, "  1+00:00"},
		{3*day + 13*hour + 42*minute, "  3+13:42"},
		{999*day + 5*minute, "999+00:05"},
		{msg.IdleUnknown, "    none "},
		{-hour, "    none "},
	} {
		if got := right("", idleWord(c.idle), 9); got != c.want {
			t.Errorf("idle for %v is %q, want %q", c.idle, got, c.want)
		}
	}
}

// TestSessionRows has what Windows' own tables do not show.
func TestSessionRows(t *testing.T) {
	for _, c := range []struct {
		name    string
		session msg.Session
		want    string // without the blanks at its end
	}{
		{"terminal", msg.Session{ID: "3", Name: "pts/3", User: "bob", State: msg.StateActive, Type: "tty"},
			` pts/3             bob                       3  Active  tty`},
		{"own", msg.Session{ID: "c1", Name: ":0", User: "bob", State: msg.StateActive, Type: "wayland", Own: true},
			`>:0                bob                      c1  Active  wayland`},
		{"nobody at the console", msg.Session{ID: "1", Name: "console", State: msg.StateConnected},
			` console                                     1  Conn`},
		{"no name", msg.Session{ID: "2", User: "bob", State: msg.StateDisconnected},
			`                   bob                       2  Disc`},
		{"name of 16", msg.Session{ID: "2", Name: "abcdefghijklmnop", State: msg.StateActive},
			` abcdefghijklmnop                            2  Active`},
		{"name of 17", msg.Session{ID: "2", Name: "abcdefghijklmnopq", State: msg.StateActive},
			` abcdefghijklm...                            2  Active`},
		{"user of 20", msg.Session{ID: "2", User: "abcdefghijklmnopqrst", State: msg.StateActive},
			`                   abcdefghijklmnopqrst      2  Active`},
		{"user of 21", msg.Session{ID: "2", User: "abcdefghijklmnopqrstu", State: msg.StateActive},
			`                   abcdefghijklmnopq...      2  Active`},
		{"long ID grows to the left", msg.Session{ID: "pts/1234", Name: "pts/1234", User: "bob", State: msg.StateActive, Type: "tty"},
			` pts/1234          bob                pts/1234  Active  tty`},
		{"long ID keeps a blank from the user", msg.Session{ID: "123456", User: "abcdefghijklmnopqrst", State: msg.StateActive},
			`                   abcdefghijklmnopqrst 123456  Active`},
		{"unknown state and long type", msg.Session{ID: "2", State: "hibernating", Type: "mirrored-wayland"},
			`                                             2  hib...  mirrore...`},
		{"wide characters", msg.Session{ID: "2", Name: "測試", User: "田中さん", State: msg.StateActive},
			` 測試              田中さん                  2  Active`},
		{"wide characters are cut whole", msg.Session{ID: "2", Name: "測試測試測試測試測", State: msg.StateActive},
			` 測試測試測試...                             2  Active`},
		{"combining marks", msg.Session{ID: "2", User: "jo\u0308rg", State: msg.StateActive},
			"                   jo\u0308rg                      2  Active"},
		{"escapes do not act", msg.Session{ID: "\x1b[m", Name: "a\nb\x1b[2J", User: "\u202eeve\x9b", State: "\a", Type: "\x00"},
			" a b^[[2J          <U+202E>eve\ufffd           ^[[m  ^G      ^@"},
	} {
		_, got, _ := strings.Cut(SessionTable([]msg.Session{c.session}), "\n")
		got = strings.TrimSuffix(got, "\n")
		if strings.TrimRight(got, " ") != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
		if w := text.Width(got); w != sessionWidth {
			t.Errorf("%s: %q has %d columns", c.name, got, w)
		}
	}
}

// TestSessionRowTooLong has no room left to the left of the ID: what is
// behind it moves, and no figure of it is lost.
func TestSessionRowTooLong(t *testing.T) {
	got := sessionRow(" ", "", "abcdefghijklmnopqrst", "1234567", "Active", "", "")
	want := `                   abcdefghijklmnopqrst 1234567  Active` + strings.Repeat(" ", 22) + "\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUserRows(t *testing.T) {
	iso := text.LocaleFor("C")
	since := time.Date(2026, 9, 6, 8, 22, 30, 0, time.UTC)
	for _, c := range []struct {
		name    string
		session msg.Session
		want    string
	}{
		{"terminal", msg.Session{ID: "3", Name: "pts/3", User: "bob", State: msg.StateActive, Idle: 80 * time.Minute, Since: since, Own: true},
			`>bob                   pts/3               3  Active       1:20  2026-09-06 08:22`},
		{"nothing is known", msg.Session{ID: "3", User: "bob", State: msg.StateDisconnected, Idle: msg.IdleUnknown},
			` bob                                       3  Disc        none   none`},
		{"long names", msg.Session{ID: "3", Name: "31c5ce94259d4006a9e4#0", User: "administrator.of.the.domain", State: msg.StateActive, Since: since},
			` administrator.of....  31c5ce94259d4...    3  Active          .  2026-09-06 08:22`},
		{"long ID grows to the left", msg.Session{ID: "pts/1234", Name: "pts/1234", User: "bob", State: msg.StateActive, Since: since},
			` bob                   pts/1234     pts/1234  Active          .  2026-09-06 08:22`},
		{"long idle time grows to the left", msg.Session{ID: "3", User: "bob", State: msg.StateActive, Idle: 12345 * 24 * time.Hour, Since: since},
			` bob                                       3  Active 12345+00:00  2026-09-06 08:22`},
		{"wide characters", msg.Session{ID: "3", Name: "pts/3", User: "田中さん", State: msg.StateActive, Since: since},
			` 田中さん              pts/3               3  Active          .  2026-09-06 08:22`},
		{"escapes do not act", msg.Session{ID: "3", Name: "\x1b]0;x\a", User: "eve\r\nroot", State: msg.StateActive, Since: since},
			` eve root              ^[]0;x^G            3  Active          .  2026-09-06 08:22`},
	} {
		_, got, _ := strings.Cut(UserTable([]msg.Session{c.session}, iso), "\n")
		if got != c.want+"\n" {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want+"\n")
		}
	}
}

func TestFilter(t *testing.T) {
	sessions := []msg.Session{
		{ID: "1", Name: "console", User: "Bob", Console: true}, {ID: "3", Name: "pts/3", User: "bob"},
		{ID: "4", Name: "pts/4", User: "alice"}, {ID: "65536", Name: "rdp-tcp"},
	}
	for _, c := range []struct {
		kind   QueryKind
		filter string
		want   string // IDs
	}{
		{QuerySession, "", "1 3 4 65536"},
		{QueryUser, "", "1 3 4"},
		{QuerySession, "rdp-tcp", "65536"},
		{QueryUser, "rdp-tcp", ""},
		{QueryUser, "bob", "3"},
		{QueryUser, "BOB", "1 3"},
		{QuerySession, "console", "1"},
		{QuerySession, "4", "4"},
		{QuerySession, "5", ""},
		{QuerySession, ",", ""},
	} {
		var got []string
		kept, _ := Filter(Query{Kind: c.kind, Filter: c.filter}, slices.Clone(sessions))
		for _, s := range kept {
			got = append(got, s.ID)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("query %s %s lists %q, want %q", c.kind, c.filter, got, c.want)
		}
	}
}

func TestCounters(t *testing.T) {
	got := Counters([]msg.Session{{State: msg.StateActive}, {State: msg.StateActive}, {State: msg.StateDisconnected}, {State: msg.StateListen}})
	want := "\nTotal sessions now: 4\nTotal sessions active: 2\nTotal sessions disconnected: 1\n"
	if got != want {
		t.Errorf("Counters = %q, want %q", got, want)
	}
}

func TestNoneLine(t *testing.T) {
	for _, c := range []struct {
		kind         QueryKind
		filter, want string
	}{
		{QuerySession, "*", "No session exists for *"},
		{QueryUser, "*", "No User exists for *"},
		{QueryUser, "console", "No User exists for console"},
		{QuerySession, "\x1b[m", "No session exists for ^[[m"},
	} {
		if got := NoneLine(c.kind, c.filter); got != c.want {
			t.Errorf("NoneLine(%q, %q) = %q, want %q", c.kind, c.filter, got, c.want)
		}
	}
}

// FuzzTables holds that any session makes one line of plain text, in which
// the columns before a field that is too long stay where they are.
func FuzzTables(f *testing.F) {
	f.Add("pts/3", "bob", "3", "active", "tty", int64(0))
	f.Add("31c5ce94259d4006a9e4#0", "田中さん田中さん田中さん", "pts/1234", "hibernating", "\u202e", int64(1<<62))
	f.Add("\x1b[2J", "e\u0301\u0301", "\U0001F468\u200d\U0001F469", "\r\n", "\t", int64(-1))
	f.Fuzz(func(t *testing.T, name, user, id, state, typ string, idle int64) {
		s := msg.Session{Name: name, User: user, ID: id, State: msg.State(state), Type: typ, Idle: time.Duration(idle)}
		for _, table := range []string{SessionTable([]msg.Session{s, s}), UserTable([]msg.Session{s, s}, text.LocaleFor("en_US"))} {
			if strings.Count(table, "\n") != 3 || !strings.HasSuffix(table, "\n") {
				t.Fatalf("not three lines: %q", table)
			}
			if text.Plain(table) != table {
				t.Fatalf("not plain text: %q", table)
			}
		}
		row := strings.TrimSuffix(sessionRow(" ", name, user, "1", state, typ, ""), "\n")
		if w := text.Width(row); w != sessionWidth {
			t.Fatalf("%q has %d columns", row, w)
		}
	})
}
