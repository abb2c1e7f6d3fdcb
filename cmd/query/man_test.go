package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"msg"
	"msg/internal/cli"
	"msg/internal/hosttest"
	"msg/internal/text"
)

func manPage(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "doc", "query.1.scd"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// section is one part of a man page.
func section(t *testing.T, man, title string) string {
	t.Helper()
	_, rest, found := strings.Cut(man, "\n# "+title+"\n")
	if !found {
		t.Fatalf("there is no section %s", title)
	}
	text, _, _ := strings.Cut(rest, "\n# ")
	return text
}

// notInHelp are the options that the help need not tell of.
var notInHelp = []string{
	"help", "h", "?", "version", // whoever reads the help knows how to ask
	"mode", "flow", "connect", "vm", "utf8", // have no effect
}

// TestManOptions compares the table of options with the man page and the help:
// what works is in both, and what is in one of them works. What comes with
// later versions is in the man page as such, and not in the help.
func TestManOptions(t *testing.T) {
	man, help := manPage(t), strings.ToLower(cli.Help("query"))
	limitations := section(t, man, "LIMITATIONS")
	documented := manOptions(section(t, man, "OPTIONS"))
	known := tableOptions(t, "forQuery")
	for _, name := range known {
		inHelp := regexp.MustCompile(`/` + regexp.QuoteMeta(name) + `([^a-z]|$)`).MatchString(help)
		switch works, inMan := works(t, name), slices.Contains(documented, name); {
		case works && !inMan:
			t.Errorf("/%s is not in the man page", name)
		case works && !inHelp && !slices.Contains(notInHelp, name):
			t.Errorf("/%s is not in the help", name)
		case !works && (inMan || inHelp):
			t.Errorf("/%s does not work: in the man page %v, in the help %v", name, inMan, inHelp)
		case !works && !strings.Contains(limitations, "*/"+name+"*"):
			t.Errorf("/%s does not work, and is not under LIMITATIONS", name)
		}
	}
	for _, name := range slices.Concat(documented, helpOptions(help)) {
		if !slices.Contains(known, name) {
			t.Errorf("/%s is no option", name)
		}
	}
}

// manOptions are the options that have an entry: a line that begins with one.
func manOptions(section string) (names []string) {
	for _, line := range regexp.MustCompile(`(?m)^\*/.*`).FindAllString(section, -1) {
		for _, m := range regexp.MustCompile(`\*/([a-z0-9]+|\?)`).FindAllStringSubmatch(line, -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// helpOptions are the options in the usage and at the start of a sentence.
func helpOptions(help string) (names []string) {
	for _, m := range regexp.MustCompile(`(?:\[|\. |, )/([a-z0-9]+)`).FindAllStringSubmatch(help, -1) {
		names = append(names, m[1])
	}
	return names
}

// tableOptions reads the names in the table of options that a command knows
// from its source.
func tableOptions(t *testing.T, command string) (names []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "internal", "cli", "options.go"))
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t(opt\w+)\s*= ("\w+")$`).FindAllStringSubmatch(string(b), -1) {
		constants[m[1]] = m[2]
	}
	for _, m := range regexp.MustCompile(`(?m)^\t\{name: ([^,]+),(?: alias: ([^,]+),)?.* in: (.*)\},$`).FindAllStringSubmatch(string(b), -1) {
		if !slices.Contains(strings.Split(m[3], " | "), command) {
			continue
		}
		for _, word := range m[1:3] {
			if literal, ok := constants[word]; ok {
				word = literal
			}
			if name, err := strconv.Unquote(word); err == nil {
				names = append(names, name)
			}
		}
	}
	if len(names) < 10 {
		t.Fatalf("found %q in the table of options: the search is wrong", names)
	}
	return names
}

// works reports whether an option is understood and this version has it.
func works(t *testing.T, name string) bool {
	for _, value := range []string{"", ":web1", ":10"} {
		for _, kind := range []string{"session", "message"} {
			if _, err := cli.ParseQuery("query", []string{kind, "/" + name + value}); err == nil {
				return true
			}
		}
	}
	t.Errorf("/%s cannot be given", name)
	return false
}

// TestManExamples holds the examples and the tables of the man page against the
// script that runs them.
func TestManExamples(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "man.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var run, tables []string
	for _, f := range archive.Files {
		switch {
		case strings.HasSuffix(f.Name, ".sh"):
			run = append(run, strings.TrimSpace(string(f.Data)))
		case f.Name == "sessions" || f.Name == "users":
			for line := range strings.Lines(string(f.Data)) {
				tables = append(tables, strings.TrimRight(line, " \n"))
			}
		}
	}
	man := section(t, manPage(t), "EXAMPLES")
	shown := hosttest.ExampleLines(man, "query", "qwinsta", "quser")
	if !slices.Equal(shown, run) {
		t.Errorf("the man page shows\n%s\nman.txtar runs\n%s", strings.Join(shown, "\n"), strings.Join(run, "\n"))
	}
	blocks := strings.Split(section(t, manPage(t), "COLUMNS"), "```\n")
	for i := 1; i < len(blocks); i += 2 {
		for _, line := range strings.Split(strings.TrimSuffix(blocks[i], "\n"), "\n") {
			if !slices.Contains(tables, line) {
				t.Errorf("the man page shows %q, which man.txtar does not", line)
			}
		}
	}
}

// TestManMessages makes the table of messages that the man page shows.
func TestManMessages(t *testing.T) {
	at := func(clock string) time.Time {
		when, err := time.Parse("2006-01-02 15:04", "2026-11-23 "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	came := func(outcomes ...msg.Outcome) (list []msg.Receipt) {
		for _, o := range outcomes {
			list = append(list, msg.Receipt{Outcome: o, Answer: msg.LabelOK, Final: true})
		}
		return list
	}
	records := []msg.Record{
		{Message: msg.Message{ID: "01KAQ2V5N0ABCDEFGHJK5DTB4K", From: "root@web1", Sent: at("09:20"), Wait: true}, To: []string{"*"},
			Receipts: came(msg.OutcomeAnswered, msg.OutcomeAnswered, msg.OutcomeExpired)},
		{Message: msg.Message{ID: "01KAQ2V5N0ABCDEFGHJKX3QF0E", From: "alice@web1", Sent: at("09:15")}, To: []string{"bob", "carol"},
			Receipts: came(msg.OutcomeAccepted, msg.OutcomeQueued)},
	}
	table := cli.MessageTable(records, text.LocaleFor("C"))
	messages := section(t, manPage(t), "MESSAGES")
	if _, shown, _ := strings.Cut(messages, "```\n"); !strings.HasPrefix(shown, table+"```\n") {
		t.Errorf("the man page does not show\n%s", table)
	}
	header, _, _ := strings.Cut(table, "\n")
	var begin []string
	for _, name := range []string{"ID", "SENT", "FROM", "TO", "OUTCOME"} {
		begin = append(begin, strconv.Itoa(strings.Index(header, name)+1))
	}
	if want := "begin at " + strings.Join(begin[:4], ", ") + " and " + begin[4] + "."; !strings.Contains(messages, want) {
		t.Errorf("the columns %s, which the man page does not say", want)
	}
}

// TestManColumns cuts values that fill their columns out of the tables, at the
// positions that the man page gives.
func TestManColumns(t *testing.T) {
	s := msg.Session{
		ID: "c1234", Name: "name-16-wide-xyz", User: "user-that-is-20-wide", State: msg.StateActive, Type: "type-10-xx",
		Idle: 123*24*time.Hour + 4*time.Hour + 5*time.Minute, Since: time.Date(2026, 11, 23, 8, 15, 0, 0, time.UTC), Own: true,
	}
	values := map[string]string{
		"marker": ">", "SESSIONNAME": s.Name, "USERNAME": s.User, "ID": s.ID, "STATE": "Active", "TYPE": s.Type, "DEVICE": "        ",
		"IDLE TIME": "123+04:05", "LOGON TIME": "2026-11-23 08:15",
	}
	tables := []string{cli.SessionTable([]msg.Session{s}), cli.UserTable([]msg.Session{s}, text.LocaleFor("C"))}
	rows := regexp.MustCompile(`(?m)^\|  ([A-Za-z ]+)\n:[ \[] ?([0-9-]*)\n:[ \[] ?([0-9-]*)\n`).FindAllStringSubmatch(section(t, manPage(t), "COLUMNS"), -1)
	if len(rows) != len(values) {
		t.Fatalf("found %d columns: %q", len(rows), rows)
	}
	for _, row := range rows {
		for i, position := range row[2:] {
			if position == "" {
				continue
			}
			line := strings.Split(tables[i], "\n")[1]
			from, to, isRange := strings.Cut(position, "-")
			first, _ := strconv.Atoi(from)
			last, err := strconv.Atoi(to)
			switch {
			case !isRange:
				last = first
			case err != nil:
				last = len(line)
			}
			if got, want := line[first-1:last], values[row[1]]; got != want {
				t.Errorf("%s at %s is %q, not %q", row[1], position, got, want)
			}
		}
	}
}
