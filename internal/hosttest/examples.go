package hosttest

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"msg/internal/cli"
)

// CheckExamples parses every command line of the programs that the help and
// the documents show; parse is given its words. One that is followed by text
// about an error may be wrong, and has to be if the text is that of a usage
// error.
func CheckExamples(t *testing.T, help string, documents []string, parse func(words []string) error, programs ...string) {
	texts := map[string]string{"help": help}
	for _, path := range documents {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(path)] = string(b)
		if filepath.Ext(path) == ".scd" {
			if texts[filepath.Base(path)], err = shownByScdoc(string(b)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			all := examples(text, programs...)
			if len(all) == 0 {
				t.Error("shows no example")
			}
			for _, e := range all {
				checkExample(t, e, parse(e.words))
			}
		})
	}
}

// ExampleLines returns the lines of a text, as they are, on which examples of
// the programs begin.
func ExampleLines(text string, programs ...string) []string {
	lines := strings.Split(text, "\n")
	var shown []string
	for _, e := range examples(text, programs...) {
		shown = append(shown, strings.TrimSpace(lines[e.line-1]))
	}
	return shown
}

func checkExample(t *testing.T, e example, err error) {
	t.Helper()
	var usage *cli.UsageError
	switch wrong := errors.As(err, &usage); {
	case wrong && !e.fails:
		t.Errorf("line %d: %q: %v", e.line, e.words, err)
	case !wrong && e.usage:
		t.Errorf("line %d: %q is no usage error", e.line, e.words)
	}
}

// example is a command line in a document.
type example struct {
	line  int // counted from 1
	words []string
	fails bool // what follows says that it is an error
	usage bool // namely one of usage
}

var (
	errorText  = regexp.MustCompile(`(?i)\berror|invalid parameter|exit (code|status) [12]\b`)
	usageText  = regexp.MustCompile(`(?i)invalid parameter`)
	isSynopsis = regexp.MustCompile(` [\[{]`)
)

// examples finds the commands with one of the names in the fenced and indented
// parts of a document. A synopsis with brackets or braces is not an example.
func examples(doc string, names ...string) []example {
	var found []example
	lines := strings.Split(doc, "\n")
	fenced := false
	for i := 0; i < len(lines); i++ {
		text, at := lines[i], i+1
		if strings.HasPrefix(strings.TrimSpace(text), "```") {
			fenced = !fenced
			continue
		}
		if !fenced && !strings.HasPrefix(text, "\t") && !strings.HasPrefix(text, "    ") {
			continue
		}
		for strings.HasSuffix(text, `\`) && i+1 < len(lines) {
			i++
			text = strings.TrimSuffix(text, `\`) + lines[i]
		}
		commands, comment := shellCommands(strings.TrimPrefix(strings.TrimSpace(text), "$ "))
		after := comment + "\n" + nextLine(lines[i+1:])
		for _, words := range commands {
			if slices.Contains(names, words[0]) && !isSynopsis.MatchString(text) {
				found = append(found, example{at, words, errorText.MatchString(after), usageText.MatchString(after)})
			}
		}
	}
	return found
}

// nextLine is the first one that is neither empty nor the end of a fence.
func nextLine(lines []string) string {
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" && line != "```" {
			return line
		}
	}
	return ""
}

// shellCommands splits a line as a shell does, as far as examples need it:
// quotes, backslashes, comments, and what stands between commands. What is
// redirected is left out.
func shellCommands(line string) (commands [][]string, comment string) {
	var words []string
	var word strings.Builder
	begun, redirected := false, false
	quote := rune(0)
	endWord := func() {
		if begun && !redirected {
			words = append(words, word.String())
		}
		redirected = redirected && !begun
		begun = false
		word.Reset()
	}
	endCommand := func() {
		if endWord(); len(words) > 0 {
			commands = append(commands, words)
		}
		words, redirected = nil, false
	}
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\\' && quote != '\'' && i+1 < len(runes) && (quote == 0 || strings.ContainsRune("\\\"$`", runes[i+1])):
			i++
			word.WriteRune(runes[i])
			begun = true
		case r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == ' ' || r == '\t':
			endWord()
		case r == '#' && !begun:
			endCommand()
			return commands, string(runes[i+1:])
		case r == '<' || r == '>':
			if strings.Trim(word.String(), "0123456789") == "" {
				begun = false // 2>
				word.Reset()
			}
			endWord()
			for redirected = true; i+1 < len(runes) && strings.ContainsRune("<>&", runes[i+1]); i++ {
			}
		case strings.ContainsRune("|&;()", r):
			endCommand()
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	endCommand()
	return commands, ""
}
