// Package text makes text from anywhere safe to show to a person: plain
// characters that can act on nothing, wrapped to a width.
//
// Whatever is printed on a terminal passes through Plain or Line first: the
// message itself, and also user names, session names and error texts, because
// each of them can be chosen by somebody else. Both are pure and idempotent;
// what they return holds no control character but newline and tab, no escape
// sequence in 7-bit or 8-bit form, nothing invisible and nothing that changes
// the direction of writing (CVE-2024-28085 is what happens otherwise).
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// maxMarks is how many combining marks may follow each other. Written
// languages need up to five; hundreds draw over the lines above and below.
const maxMarks = 8

// Plain returns s as text of several lines. Newline and tab stay; CR LF and a
// lone CR are newlines; what cannot be shown is made visible: ^[ for escape,
// <U+202E> for an override, the replacement character for bytes that are not
// UTF-8.
func Plain(s string) string {
	if isPlainASCII(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	marks := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if r == '\r' {
			if i == len(s) || s[i] != '\n' {
				b.WriteByte('\n')
			}
			marks = 0
			continue
		}
		switch {
		case isJoiner(r):
			// Left out: emoji and words stay readable without them, and a code
			// in the middle would not be. They do not end a run of marks.
			continue
		case unicode.Is(unicode.M, r):
			marks++
		default:
			marks = 0
		}
		if marks <= maxMarks {
			writeRune(&b, r)
		}
	}
	return b.String()
}

// Line is Plain for text that must stay in one line: each line break and each
// tab becomes a space.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, Plain(s))
}

// isPlainASCII is the short way for nearly every message.
func isPlainASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x7f || c < ' ' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// writeRune writes r, or what stands for it.
func writeRune(b *strings.Builder, r rune) {
	switch {
	case r == '\n' || r == '\t':
		b.WriteRune(r)
	case r < ' ' || r == 0x7f:
		b.WriteByte('^')
		b.WriteRune(r ^ 0x40) // the caret notation of stty(1)
	case !unicode.IsGraphic(r) || isBlankLetter(r):
		fmt.Fprintf(b, "<U+%04X>", r)
	default:
		b.WriteRune(r)
	}
}

// isJoiner reports whether r only tells neighbours how to join: zero-width
// (non-)joiner, soft hyphen, combining grapheme joiner.
func isJoiner(r rune) bool {
	return r == 0x200c || r == 0x200d || r == 0x00ad || r == 0x034f
}

// isBlankLetter reports whether r counts as a letter or mark but shows nothing,
// such as the Hangul fillers. Of the variation selectors, with which text can
// be hidden, the two that choose between emoji and text are left alone.
func isBlankLetter(r rune) bool {
	if r == 0xfe0e || r == 0xfe0f {
		return false
	}
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Cut shortens s to at most width cells, ending in "..." if it was longer.
func Cut(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	if width <= 3 {
		return strings.Repeat(".", width)
	}
	return take(s, width-3) + "..."
}

// take returns the longest start of s that fits into width cells.
func take(s string, width int) string {
	rest, state, used, end := s, -1, 0, 0
	for rest != "" {
		var cluster string
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used += cells(cluster, w); used > width {
			break
		}
		end += len(cluster)
	}
	return s[:end]
}

// tabStop is the distance of tab stops in cells.
const tabStop = 8

// Wrap breaks Plain text into lines of at most width cells (at least 1),
// between words where it can (UAX #14), inside a word where it must. Tabs
// become spaces; spaces at the end of a line are dropped.
func Wrap(s string, width int) []string {
	width = max(width, 1)
	var lines []string
	for _, line := range strings.Split(s, "\n") {
		lines = append(lines, wrapLine(expandTabs(line), width)...)
	}
	return lines
}

func expandTabs(s string) string {
	if !strings.Contains(s, "\t") {
		return s
	}
	var b strings.Builder
	column := 0
	for i, part := range strings.Split(s, "\t") {
		if i > 0 {
			n := tabStop - column%tabStop
			b.WriteString(strings.Repeat(" ", n))
			column += n
		}
		b.WriteString(part)
		column += Width(part)
	}
	return b.String()
}

// wrapLine breaks one line. A segment is what stands between two places where
// a break is allowed: a word with the spaces behind it.
func wrapLine(s string, width int) []string {
	if len(s) <= width && isPlainASCII(s) {
		return []string{strings.TrimRight(s, " ")}
	}
	w := wrapper{width: width}
	for rest, state := s, -1; rest != ""; {
		var segment string
		segment, rest, _, state = uniseg.FirstLineSegmentInString(rest, state)
		w.add(segment)
	}
	if w.line.Len() > 0 || len(w.lines) == 0 {
		w.flush()
	}
	return w.lines
}

// wrapper collects the lines of one paragraph, in time linear in its length.
type wrapper struct {
	width int
	lines []string
	line  strings.Builder
	used  int // cells in line
}

func (w *wrapper) flush() {
	w.lines = append(w.lines, strings.TrimRight(w.line.String(), " "))
	w.line.Reset()
	w.used = 0
}

// add puts one segment into the line, or into the next if it does not fit.
func (w *wrapper) add(segment string) {
	word := strings.TrimRight(segment, " ")
	cells := Width(word)
	if w.used > 0 && w.used+cells > w.width {
		w.flush()
	}
	if cells > w.width {
		w.split(word)
	} else {
		w.line.WriteString(word)
		w.used += cells
	}
	w.line.WriteString(segment[len(word):])
	w.used += len(segment) - len(word)
}

// split breaks a word that is longer than a line: between what belongs together,
// unless that alone is longer.
func (w *wrapper) split(word string) {
	for rest, state := word, -1; rest != ""; {
		var cluster string
		var n int
		cluster, rest, n, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if n = cells(cluster, n); n <= w.width {
			w.put(cluster, n)
			continue
		}
		for _, r := range cluster {
			if r != 0xfe0f { // it would make what is before it wider
				w.put(string(r), Width(string(r)))
			}
		}
	}
}

// put puts n cells into the line, or into the next if they do not fit. A
// character that is wider than the whole line cannot be shown and is left out.
func (w *wrapper) put(s string, n int) {
	if n > w.width {
		return
	}
	if w.used+n > w.width {
		w.flush()
	}
	w.line.WriteString(s)
	w.used += n
}
