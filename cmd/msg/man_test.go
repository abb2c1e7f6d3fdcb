package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/cli"
	"msg/internal/hosttest"
)

// notInHelp are the options that the help need not tell of.
var notInHelp = []string{
	"help", "h", "?", "version", // whoever reads the help knows how to ask
	"utf8", // has an effect on Windows only
}

// TestManOptions compares the table of options with the man page and the help.
func TestManOptions(t *testing.T) {
	man, help := hosttest.ManPage(t, "msg.1"), cli.Help("msg")
	hosttest.OptionDocs{
		Table: "forMsg", Man: man, Help: help,
		InMan:     hosttest.ManOptions(hosttest.ManSection(t, man, "OPTIONS") + hosttest.ManSection(t, man, "ANSWERS")),
		InHelp:    helpOptions(strings.ToLower(help)),
		NotInHelp: notInHelp,
		Works:     func(name string) bool { return works(t, name) },
	}.Check(t)
}

// helpOptions are the options in the usage and in the list below it.
func helpOptions(help string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)(?:\[|^    )/([a-z0-9]+)`).FindAllStringSubmatch(help, -1) {
		names = append(names, m[1])
	}
	return names
}

// works reports whether an option is understood and this version has it.
func works(t *testing.T, name string) bool {
	for _, value := range []string{"", ":60", ":yesno", ":yes"} {
		for _, behind := range [][]string{{"bob", "hello"}, nil} {
			if _, err := cli.ParseMsg(append([]string{"/" + name + value}, behind...)); err == nil {
				return true
			}
		}
	}
	t.Errorf("/%s cannot be given", name)
	return false
}

// TestManExamples holds the examples of the man page against the script that
// runs them.
func TestManExamples(t *testing.T) {
	hosttest.CheckManExamples(t, hosttest.ManPage(t, "msg.1"), "msg")
}

// TestManFields compares the tables of JSON fields with what is printed.
func TestManFields(t *testing.T) {
	receipt := msg.Receipt{Session: msg.Session{Since: time.Now(), Account: "1001"}, Answer: "OK", Surface: "tmux", Detail: "why"}
	of := func(v any) []string {
		line, err := cli.JSONLine(v)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		return slices.Collect(maps.Keys(fields))
	}
	want := slices.Concat(of(receipt), of(receipt.Session))
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^\|. \*(\w+)\*$`).FindAllStringSubmatch(hosttest.ManSection(t, hosttest.ManPage(t, "msg.1"), "JSON"), -1) {
		got = append(got, m[1])
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the man page has the fields\n%q\nprinted are\n%q", got, want)
	}
}

// TestManNumbers looks for the limits.
func TestManNumbers(t *testing.T) {
	man := strings.ReplaceAll(hosttest.ManPage(t, "msg.1"), ",", "")
	for _, n := range []int{msg.MaxText, msg.MaxTitle, cli.MaxInput, cli.MaxListFile, cli.MaxRecipients, int(msg.DefaultTimeout / time.Second)} {
		if !regexp.MustCompile(`\b` + strconv.Itoa(n) + `\b`).MatchString(man) {
			t.Errorf("the limit %d is not in the man page", n)
		}
	}
}
