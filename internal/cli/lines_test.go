package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/text"
)

// evil is a name that would clear the screen and turn the writing around.
const evil = "eve\x1b[2J\u202e\n\x9b"

func TestSessionLabel(t *testing.T) {
	for _, c := range []struct {
		session msg.Session
		host    bool
		want    string
	}{
		{msg.Session{Host: "PC42", ID: "1", Name: "Console"}, false, "Console"},
		{msg.Session{Host: "PC42", ID: "1", Name: "Console"}, true, `PC42\Console`},
		{msg.Session{Host: "web1", ID: "c1"}, false, "c1"},
		{msg.Session{Host: "web1", ID: "c1"}, true, `web1\c1`},
		{msg.Session{Host: "web1", User: "bob"}, true, `web1\bob`}, // kept until the next sign-in
		{msg.Session{Host: "web1", Name: evil}, true, `web1\eve^[[2J<U+202E> ` + "\ufffd"},
	} {
		if got := SessionLabel(c.session, c.host); got != c.want {
			t.Errorf("SessionLabel(%+v, %v) = %q, want %q", c.session, c.host, got, c.want)
		}
	}
}

// TestWindowsLines has the lines that Windows prints too, which scripts read.
func TestWindowsLines(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{SendingLine("Console", time.Minute), "Sending message to session Console, display time 60"},
		{SendingLine("RDP-Tcp#2", 0), "Sending message to session RDP-Tcp#2, display time 0"},
		{SendingLine("Console", 90*time.Second), "Sending message to session Console, display time 90"},
		{SendingLine("Console", 4294967295*time.Second), "Sending message to session Console, display time 4294967295"},
		{SentLine("Console", ""), "Async message sent to session Console"},
		{FailedLine(msg.Receipt{Detail: "2147500058"}, "Console"), "Error sending message to session Console : 2147500058"},
		{FailedLine(msg.Receipt{Detail: "terminal is stuck", Session: msg.Session{User: "bob"}}, "pts/3"), "Error sending message to session pts/3 : terminal is stuck (bob)"},
		{FailedLine(msg.Receipt{Detail: "a\nb\x1b[m", Session: msg.Session{User: evil}}, "pts/3"), "Error sending message to session pts/3 : a b^[[m (eve^[[2J<U+202E> \ufffd)"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestWaitedLine(t *testing.T) {
	sent := time.Date(2026, 9, 6, 8, 22, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		receipt msg.Receipt
		timeout time.Duration
		want    string
	}{
		{"answered", msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: "OK", Session: msg.Session{User: "bob"}, At: sent.Add(3240 * time.Millisecond)}, time.Minute,
			"Message to session Console was answered: OK (bob, after 3.2s)"},
		{"answered by a hostile host", msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: "OK\x1b[m", Session: msg.Session{User: evil}, At: sent}, time.Minute,
			"Message to session Console was answered: OK^[[m (eve^[[2J<U+202E> \ufffd, after 0.0s)"},
		{"dismissed", msg.Receipt{Outcome: msg.OutcomeDismissed, At: sent}, time.Minute,
			"Message to session Console was dismissed"},
		{"expired", msg.Receipt{Outcome: msg.OutcomeExpired, At: sent}, time.Minute,
			"Message to session Console got no answer in 60 seconds"},
		{"expired after a long time", msg.Receipt{Outcome: msg.OutcomeExpired, At: sent}, 2 * time.Hour,
			"Message to session Console got no answer in 7200 seconds"},
		{"no buttons", msg.Receipt{Outcome: msg.OutcomeAccepted, Detail: "the notification has no buttons\x1b", Final: true}, time.Minute,
			"Message to session Console cannot be answered there: the notification has no buttons^["},
		{"no buttons and no reason", msg.Receipt{Outcome: msg.OutcomeAccepted, Final: true}, time.Minute,
			"Message to session Console cannot be answered there"},
		{"kept in vain", msg.Receipt{Outcome: msg.OutcomeExpired, Detail: "not signed in in time", Final: true}, time.Minute,
			"Message to session Console got no answer: not signed in in time"},
	} {
		if got := WaitedLine(c.receipt, "Console", msg.Message{Sent: sent, Timeout: c.timeout}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSentLine(t *testing.T) {
	if got, want := SentLine("pts/3", "written over tmux: \x1b"), "Async message sent to session pts/3 (written over tmux: ^[)"; got != want {
		t.Errorf("SentLine = %q, want %q", got, want)
	}
}

func TestMissingLines(t *testing.T) {
	err := fmt.Errorf("web1: %w", &msg.NoSessionError{Selectors: []string{"bob", "*", evil}})
	want := []string{
		"bob does not exist or is disconnected",
		"nobody is signed in",
		"eve^[[2J<U+202E> \ufffd does not exist or is disconnected",
	}
	if got := MissingLines(err, ""); !slices.Equal(got, want) {
		t.Errorf("MissingLines = %q, want %q", got, want)
	}
	if got := MissingLines(errors.New("no route"), "web1"); got != nil {
		t.Errorf("MissingLines of another error = %q", got)
	}
}

func TestSystemLines(t *testing.T) {
	err := fmt.Errorf("asking: %w", &msg.SystemError{Code: 1722, Text: "The RPC server is unavailable.", Cure: "PC42 does not answer\x1b[2J"})
	for command, want := range map[string][]string{
		"msg":   {"Error 1722 getting session names", "  PC42 does not answer^[[2J"},
		"query": {"Error 0x000006BA enumerating sessionnames", "Error [1722]:The RPC server is unavailable.", "  PC42 does not answer^[[2J"},
	} {
		if got := SystemLines(command, err); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	if got := SystemLines("msg", errors.New("another")); got != nil {
		t.Errorf("any other error: %q", got)
	}
}

func TestUserLabel(t *testing.T) {
	s := msg.Session{User: `CORP\bob`, Source: msg.SourceWTS}
	if got := UserLabel(s); got != "bob" {
		t.Errorf("on Windows: %q", got)
	}
	s.Source = "logind"
	if got := UserLabel(s); got != `CORP\bob` {
		t.Errorf("elsewhere: %q", got)
	}
}

func TestErrorLine(t *testing.T) {
	if got, want := ErrorLine("msg", errors.Join(errors.New("a\x1b"), errors.New("b"))), "msg: a^[ b"; got != want {
		t.Errorf("ErrorLine = %q, want %q", got, want)
	}
}

func TestUsageLines(t *testing.T) {
	for _, c := range []struct {
		command string
		err     error
		want    string
	}{
		{
			"msg", &UsageError{Word: "/etc", Reason: "is not an option", Hint: "msg bob -- /etc is full"},
			"Invalid parameter(s)\n" +
				"MSG {user | session | id | user:id | @file | *} [/SERVER:host[,host...]]\n" +
				"    [/USER:name] [/TIME:seconds] [/TITLE:text] [/BUTTONS:set] [/V] [/W]\n" +
				"    [/JSON] [/QUEUE[:time]] [message]\n" +
				"MSG {/OK[:id] | /ANSWER:text[:id] | /DND [ON | OFF | UNTIL time] | /DOCTOR}\n" +
				"msg: \"/etc\" is not an option\n" +
				"  try: msg bob -- /etc is full\n",
		},
		{
			"query", &UsageError{Reason: "what to query is missing"},
			"Invalid parameter(s)\n" +
				"QUERY {SESSION | USER} [name | user | id]\n" +
				"    [/SERVER:host[,host...]] [/USER:name] [/COUNTER] [/JSON]\n" +
				"QUERY MESSAGE [id] [/SERVER:host[,host...]] [/LIMIT:number] [/JSON]\n" +
				"QUERY HOST [name] [/JSON]\n" +
				"query: what to query is missing\n",
		},
	} {
		if got := UsageLines(c.command, c.err); got != c.want {
			t.Errorf("UsageLines(%q)\n got %q\nwant %q", c.command, got, c.want)
		}
	}
}

func TestStarred(t *testing.T) {
	files := []string{"Makefile", "-v", "it"}
	for _, c := range []struct {
		args []string
		hint string // empty: no star
	}{
		{[]string{"Makefile", "-v", "it", "it's", "late"}, `msg '*' 'it'\''s' late`},
		{[]string{"-v", "Makefile", "it", "late"}, `msg '*' late`}, // another order of sorting
		{[]string{"/v", "/time:5", "Makefile", "-v", "it", "late"}, `msg /v /time:5 '*' late`},
		{[]string{"--time", "5", "Makefile", "-v", "it", "late"}, `msg --time 5 '*' late`},
		{[]string{"Makefile", "-v", "it"}, `msg '*'`},
		{[]string{"bob", "Makefile", "-v", "it"}, ""},
		{[]string{"Makefile", "it", "late"}, ""},
		{[]string{"Makefile"}, ""},
		{nil, ""},
	} {
		err := Starred(c.args, files)
		var usage *UsageError
		if got := errors.As(err, &usage); got != (c.hint != "") || got && usage.Hint != c.hint {
			t.Errorf("Starred(%q) = %v, want the hint %q", c.args, err, c.hint)
		}
	}
	if err := Starred([]string{"Makefile", "hello"}, files[:1]); err != nil {
		t.Errorf("one file is enough: %v", err)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		12 * time.Hour: "12 hours", time.Hour: "1 hour", 24 * time.Hour: "1 day", 0: "0 seconds", 7 * 24 * time.Hour: "7 days", 36 * time.Hour: "36 hours",
		90 * time.Second: "90 seconds", 90 * time.Minute: "90 minutes", time.Second: "1 second", time.Minute: "1 minute",
	} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestDNDLine(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 15, 0, 0, time.UTC)
	for _, c := range []struct {
		dnd  msg.DND
		want string
	}{
		{msg.DND{}, "Do not disturb is off"},
		{msg.DND{On: true}, "Do not disturb is on"},
		{msg.DND{On: true, Until: now.Add(time.Hour)}, "Do not disturb is on until 2026-11-23 10:15"},
		{msg.DND{On: true, Until: now}, "Do not disturb is off"},
	} {
		if got := DNDLine(c.dnd, now, text.LocaleFor("C")); got != c.want {
			t.Errorf("%+v: %q, want %q", c.dnd, got, c.want)
		}
	}
}

func TestGivenLine(t *testing.T) {
	for _, c := range []struct {
		receipt msg.Receipt
		button  string
		want    string
	}{
		{msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: "OK"}, "ok", "Answered: ok"},
		{msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: "Yes\x1b"}, "No", "It was answered before: Yes^["},
	} {
		if got := GivenLine(c.receipt, c.button); got != c.want {
			t.Errorf("%+v: %q, want %q", c.receipt, got, c.want)
		}
	}
}

// TestNotes has what is said besides success and failure.
func TestNotes(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{NoteLine(errors.New("a\x1b")), "msg: note: a^["},
		{ReplacedLine(2), "msg: note: the message is not valid UTF-8; 2 place(s) are shown as \ufffd"},
		{OnlySessionLine("bob", "5"), `msg: note: "5" is taken as text; to reach only that session of bob, write bob:5`},
		{OnlySessionLine(`CORP\bob`, "5"), `msg: note: "5" is taken as text; to reach only that session of CORP\bob, write 'CORP\bob:5'`},
		{QueuedLine("bob", 12*time.Hour), "Message for bob is kept until the next sign-in, at most 12 hours"},
		{ProgressLine(2, 3, 5), "2 answered, 3 waiting, 5 in all"},
		{RouteLine("web1\x1b", "ssh", "port 22 answers"), "web1^[ is reached by ssh: port 22 answers"},
		{HostLine("web1\x1b[m"), "web1^[[m:"},
		{Prompt("Ctrl-D"), "Enter message to send; end it with Ctrl-D on a new line:\n"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestShellQuote(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"bob", "bob"},
		{"bob:2,@list.txt", "bob:2,@list.txt"},
		{"pts/3", "pts/3"},
		{"", "''"},
		{"*", "'*'"},
		{"John Smith", "'John Smith'"},
		{"it's", `'it'\''s'`},
		{`CORP\bob`, `'CORP\bob'`},
		{"$HOME", "'$HOME'"},
		{"Größe", "'Größe'"},
		{"a^nb", "'a^nb'"},
		{"#5", "'#5'"},
		{"\x1b[2J", `"\x1b[2J"`},
		{"\u202e", `"\u202e"`},
	} {
		if got := quoteFor(false, c.word); got != c.want {
			t.Errorf("%q is quoted as %s, want %s", c.word, got, c.want)
		}
	}
	for _, c := range []struct{ word, want string }{
		{"bob", "bob"},
		{"*", "*"},
		{"adm*", "adm*"},
		{"/time:5", "/time:5"},
		{"", `""`},
		{"John Smith", `"John Smith"`},
		{"it's", `"it's"`},
		{`CORP\bob`, `CORP\bob`},
		{"a & b", `"a & b"`},
		{"alice,bob", `"alice,bob"`}, // a list of PowerShell's own
		{"@list.txt", `"@list.txt"`}, // the same
		{`say "no"`, `"say ""no"""`},
		{"\x1b[2J", `"\x1b[2J"`},
	} {
		if got := quoteFor(true, c.word); got != c.want {
			t.Errorf("on Windows %q is quoted as %s, want %s", c.word, got, c.want)
		}
	}
}

// TestHelpWindows holds that examples can be typed in cmd, which takes nothing
// for a quote but ".
func TestHelpWindows(t *testing.T) {
	for command, shown := range map[string][]string{
		"msg":   {"    msg * Meeting in 5 minutes\n"},
		"query": {"    query host lab-*\n", "    query session /server:*\n"},
	} {
		help := helpFor(true, command)
		for _, line := range shown {
			if !strings.Contains(help, line) {
				t.Errorf("%s: the help does not show %q", command, line)
			}
		}
		if !strings.Contains(help, Usage(command)) || strings.Contains(help, "*'") {
			t.Errorf("%s: the help is\n%s", command, help)
		}
	}
}

// TestHelp holds that the help names options there are, fits a terminal and
// begins as it does on Windows.
func TestHelp(t *testing.T) {
	for command, in := range map[string]command{"msg": forMsg, "query": forQuery} {
		help := Help(command)
		if text.Plain(help) != help || !strings.HasSuffix(help, "\n") {
			t.Errorf("%s: the help is not plain lines", command)
		}
		for line := range strings.Lines(help) {
			if text.Width(strings.TrimSuffix(line, "\n")) > 79 {
				t.Errorf("%s: the line %q is too long", command, line)
			}
		}
		if !strings.Contains(help, Usage(command)) {
			t.Errorf("%s: the usage is not part of the help", command)
		}
		for _, m := range regexp.MustCompile(`(?:^|[\s\[])(?:/|--)([A-Za-z]+)`).FindAllStringSubmatch(help, -1) {
			if _, ok := find(in, m[1]); !ok && m[1] != "home" {
				t.Errorf("%s: the help names /%s, which is not an option", command, m[1])
			}
		}
	}
	if first, _, _ := strings.Cut(Help("msg"), "\n"); first != "Send a message to a user." {
		t.Errorf("the help begins with %q", first)
	}
}

// TestHelpExamples parses the commands that the help shows.
func TestHelpExamples(t *testing.T) {
	examples := 0
	for line := range strings.Lines(Help("msg") + Help("query")) {
		example, indented := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "    ")
		if i := strings.LastIndex(example, "| "); i >= 0 {
			example = example[i+2:] // where a pipe ends
		}
		words := shellWords(example)
		if !indented || len(words) == 0 {
			continue
		}
		var err error
		switch words[0] {
		case "msg":
			_, err = ParseMsg(words[1:])
		case "query":
			_, err = ParseQuery("query", words[1:])
		default:
			continue
		}
		examples++
		if err != nil {
			t.Errorf("the help shows %q: %v", example, err)
		}
	}
	if examples != 15 {
		t.Errorf("%d examples were found, want 15", examples)
	}
}
