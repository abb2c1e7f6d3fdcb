package main

import (
	"encoding/json"
	"maps"
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
)

func manPage(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "doc", "msg.1.scd"))
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
	"utf8", // has an effect on Windows only
}

// TestManOptions compares the table of options with the man page and the help:
// what works is in both, and what is in one of them works. What comes with
// later versions is in the man page as such, and not in the help.
func TestManOptions(t *testing.T) {
	man, help := manPage(t), strings.ToLower(cli.Help("msg"))
	limitations := section(t, man, "LIMITATIONS")
	documented := manOptions(section(t, man, "OPTIONS") + section(t, man, "ANSWERS"))
	known := tableOptions(t, "forMsg")
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

// helpOptions are the options in the usage and in the list below it.
func helpOptions(help string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)(?:\[|^    )/([a-z0-9]+)`).FindAllStringSubmatch(help, -1) {
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
	archive, err := txtar.ParseFile(filepath.Join("testdata", "man.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var run []string
	for _, f := range archive.Files {
		if strings.HasSuffix(f.Name, ".sh") {
			run = append(run, strings.TrimSpace(string(f.Data)))
		}
	}
	man := section(t, manPage(t), "EXAMPLES")
	shown := hosttest.ExampleLines(man, "msg")
	if !slices.Equal(shown, run) {
		t.Errorf("the man page shows\n%s\nman.txtar runs\n%s", strings.Join(shown, "\n"), strings.Join(run, "\n"))
	}
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
	for _, m := range regexp.MustCompile(`(?m)^\|. \*(\w+)\*$`).FindAllStringSubmatch(section(t, manPage(t), "JSON"), -1) {
		got = append(got, m[1])
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the man page has the fields\n%q\nprinted are\n%q", got, want)
	}
}

// TestManNumbers looks for the limits.
func TestManNumbers(t *testing.T) {
	man := strings.ReplaceAll(manPage(t), ",", "")
	for _, n := range []int{msg.MaxText, msg.MaxTitle, cli.MaxInput, cli.MaxListFile, cli.MaxRecipients, int(msg.DefaultTimeout / time.Second)} {
		if !regexp.MustCompile(`\b` + strconv.Itoa(n) + `\b`).MatchString(man) {
			t.Errorf("the limit %d is not in the man page", n)
		}
	}
}
