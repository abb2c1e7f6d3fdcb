package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"msg/internal/text"
)

// DoctorHead is what stands above the findings of a report.
func DoctorHead() string {
	return `What msg finds on this computer, to be pasted into a report of a problem.
Left out: names of users and of this computer, messages, other variables.
`
}

// FindingLine is one line of a report.
func FindingLine(about, found string) string {
	return fmt.Sprintf("%-15s %s", text.Line(about), text.Line(found))
}

// Names that say nothing about anybody.
var commonNames = []string{"root", "system", "administrator", "localhost"}

// Anonymous returns a function that takes these names out of a text, wherever
// they stand as words of their own; of CORP\bob, both words.
func Anonymous(names []string) func(string) string {
	var words []string
	for _, name := range names {
		for word := range strings.SplitSeq(name, `\`) {
			if word != "" && !slices.Contains(commonNames, strings.ToLower(word)) {
				words = append(words, word)
			}
		}
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // the longest goes first
	return func(s string) string {
		for _, word := range words {
			s = withoutWord(s, word)
		}
		return s
	}
}

// nameless is in the place of a name.
const nameless = "<name>"

func withoutWord(s, word string) string {
	var b strings.Builder
	done := 0
	for {
		at := strings.Index(s[done:], word)
		if at < 0 {
			return b.String() + s[done:]
		}
		at += done
		end := at + len(word)
		before, _ := utf8.DecodeLastRuneInString(s[:at])
		after, _ := utf8.DecodeRuneInString(s[end:])
		b.WriteString(s[done:at])
		if inWord(before) || inWord(after) {
			b.WriteString(word)
		} else {
			b.WriteString(nameless)
		}
		done = end
	}
}

// inWord reports whether a word goes on with r. There is U+FFFD at the ends of
// the text.
func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
