package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/cli"
	"msg/internal/hosttest"
	"msg/internal/text"
)

// notInHelp are the options that the help need not tell of.
var notInHelp = []string{
	"help", "h", "?", "version", // whoever reads the help knows how to ask
	"mode", "flow", "connect", "vm", "utf8", // have no effect
}

// TestManOptions compares the table of options with the man page and the help.
func TestManOptions(t *testing.T) {
	man, help := hosttest.ManPage(t, "query.1"), cli.Help("query")
	hosttest.OptionDocs{
		Table: "forQuery", Man: man, Help: help,
		InMan:     hosttest.ManOptions(hosttest.ManSection(t, man, "OPTIONS")),
		InHelp:    helpOptions(strings.ToLower(help)),
		NotInHelp: notInHelp,
		Works:     func(name string) bool { return works(t, name) },
	}.Check(t)
}

// helpOptions are the options in the usage and at the start of a sentence.
func helpOptions(help string) (names []string) {
	for _, m := range regexp.MustCompile(`(?:\[|\. |, )/([a-z0-9]+)`).FindAllStringSubmatch(help, -1) {
		names = append(names, m[1])
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
	man := hosttest.ManPage(t, "query.1")
	var tables []string
	for _, f := range hosttest.CheckManExamples(t, man, "query", "qwinsta", "quser").Files {
		if f.Name == "sessions" || f.Name == "users" {
			for line := range strings.Lines(string(f.Data)) {
				tables = append(tables, strings.TrimRight(line, " \n"))
			}
		}
	}
	blocks := strings.Split(hosttest.ManSection(t, man, "COLUMNS"), "```\n")
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
	messages := hosttest.ManSection(t, hosttest.ManPage(t, "query.1"), "MESSAGES")
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
	rows := regexp.MustCompile(`(?m)^\|  ([A-Za-z ]+)\n:[ \[] ?([0-9-]*)\n:[ \[] ?([0-9-]*)\n`).FindAllStringSubmatch(hosttest.ManSection(t, hosttest.ManPage(t, "query.1"), "COLUMNS"), -1)
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
