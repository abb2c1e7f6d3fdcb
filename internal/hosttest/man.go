package hosttest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// root is the root of the project, as tests of packages two folders down see it.
var root = filepath.Join("..", "..")

// ManPage returns the source of a page in doc, such as msg.1. What it shows as
// an example is as people see it.
func ManPage(t *testing.T, name string) string {
	t.Helper()
	man, err := shownByScdoc(readText(t, filepath.Join(root, "doc", name+".scd")))
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return man
}

// shownByScdoc takes the escapes out of the examples of a page. A backslash
// alone is an error: scdoc(1) would leave it out.
func shownByScdoc(man string) (string, error) {
	var err error
	lines := strings.Split(man, "\n")
	fenced := false
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if fenced {
			if strings.Contains(strings.ReplaceAll(line, `\\`, ""), `\`) {
				err = fmt.Errorf(`line %d: scdoc shows no \ that is not written \\`, i+1)
			}
			lines[i] = strings.ReplaceAll(line, `\\`, `\`)
		}
	}
	return strings.Join(lines, "\n"), err
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ManSection returns one section of a page without its title.
func ManSection(t *testing.T, man, title string) string {
	t.Helper()
	_, rest, found := strings.Cut(man, "\n# "+title+"\n")
	if !found {
		t.Fatalf("there is no section %s", title)
	}
	text, _, _ := strings.Cut(rest, "\n# ")
	return text
}

// ManOptions returns the options that have an entry in a section: a line that
// begins with one.
func ManOptions(section string) (names []string) {
	for _, line := range regexp.MustCompile(`(?m)^\*/.*`).FindAllString(section, -1) {
		for _, m := range regexp.MustCompile(`\*/([a-z0-9]+|\?)`).FindAllStringSubmatch(line, -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// TableOptions reads the names in the table of options that a command knows
// from its source. The command is "forMsg" or "forQuery".
func TableOptions(t *testing.T, command string) (names []string) {
	t.Helper()
	source := readText(t, filepath.Join(root, "internal", "cli", "options.go"))
	constants := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t(opt\w+)\s*= ("\w+")$`).FindAllStringSubmatch(source, -1) {
		constants[m[1]] = m[2]
	}
	for _, m := range regexp.MustCompile(`(?m)^\t\{name: ([^,]+),(?: alias: ([^,]+),)?.* in: (.*)\},$`).FindAllStringSubmatch(source, -1) {
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

// OptionDocs is what a command says of its options.
type OptionDocs struct {
	Table     string   // in the source: "forMsg" or "forQuery"
	Man, Help string   // texts
	InMan     []string // options with an entry in Man
	InHelp    []string // options in the usage that Help shows
	NotInHelp []string // options that Help need not tell of
	Works     func(name string) bool
}

// Check compares the table of options with the man page and the help: what
// works is in both, and what is in one of them works. What comes with later
// versions is in the man page as such, and not in the help.
func (d OptionDocs) Check(t *testing.T) {
	t.Helper()
	limitations, known := ManSection(t, d.Man, "LIMITATIONS"), TableOptions(t, d.Table)
	help := strings.ToLower(d.Help)
	for _, name := range known {
		inHelp := regexp.MustCompile(`/` + regexp.QuoteMeta(name) + `([^a-z]|$)`).MatchString(help)
		switch works, inMan := d.Works(name), slices.Contains(d.InMan, name); {
		case works && !inMan:
			t.Errorf("/%s is not in the man page", name)
		case works && !inHelp && !slices.Contains(d.NotInHelp, name):
			t.Errorf("/%s is not in the help", name)
		case !works && (inMan || inHelp):
			t.Errorf("/%s does not work: in the man page %v, in the help %v", name, inMan, inHelp)
		case !works && !strings.Contains(limitations, "*/"+name+"*"):
			t.Errorf("/%s does not work, and is not under LIMITATIONS", name)
		}
	}
	for _, name := range slices.Concat(d.InMan, d.InHelp) {
		if !slices.Contains(known, name) {
			t.Errorf("/%s is no option", name)
		}
	}
}

// CheckManExamples holds the examples of a man page against the scripts in
// testdata/man.txtar, which is run, and returns that archive.
func CheckManExamples(t *testing.T, man string, programs ...string) *txtar.Archive {
	t.Helper()
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
	shown := ExampleLines(ManSection(t, man, "EXAMPLES"), programs...)
	if !slices.Equal(shown, run) {
		t.Errorf("the man page shows\n%s\nman.txtar runs\n%s", strings.Join(shown, "\n"), strings.Join(run, "\n"))
	}
	return archive
}
