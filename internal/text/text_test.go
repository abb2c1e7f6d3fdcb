package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPlain(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"ascii", "Meeting in 5 minutes", "Meeting in 5 minutes"},
		{"umlauts and CJK", "Größe 測試 ✓", "Größe 測試 ✓"},
		{"newline and tab stay", "a\tb\nc", "a\tb\nc"},
		{"CRLF and CR", "a\r\nb\rc\r", "a\nb\nc\n"},
		{"escape", "\x1b[2J", "^[[2J"},
		{"bell, backspace, NUL", "a\a\b\x00", "a^G^H^@"},
		{"DEL", "a\x7f", "a^?"},
		{"C1 as a code point", "\u009b31m", "<U+009B>31m"},
		{"C1 as a byte", "\x9b31m", "\ufffd31m"},
		{"bad UTF-8", "a\xff\xc3(", "a\ufffd\ufffd("},
		{"surrogate half", "\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
		{"overlong escape", "\xc0\x9b", "\ufffd\ufffd"},
		{"bidi", "\u202egnp.exe\u2066\u061c", "<U+202E>gnp.exe<U+2066><U+061C>"},
		{"zero width", "pay\u200bpal\ufeff\u2060", "pay<U+200B>pal<U+FEFF><U+2060>"},
		{"joiners are left out", "\U0001F468\u200d\U0001F469 so\u00adft", "\U0001F468\U0001F469 soft"},
		{"line and paragraph separator", "a\u2028b\u2029c", "a<U+2028>b<U+2029>c"},
		{"tag characters", "a\U000E0041", "a<U+E0041>"},
		{"Hangul filler", "a\u3164b", "a<U+3164>b"},
		{"private use", "\ue000", "<U+E000>"},
		{"no-break and ideographic space", "a\u00a0b\u3000c", "a\u00a0b\u3000c"},
		{"emoji with selector", "\u2764\ufe0f", "\u2764\ufe0f"},
		{"stacked marks", "e" + strings.Repeat("\u0301", 500), "e" + strings.Repeat("\u0301", maxMarks)},
		{"stacked marks with joiners between", "a" + strings.Repeat(strings.Repeat("\u0301", 8)+"\u200d", 50), "a" + strings.Repeat("\u0301", maxMarks)},
		{"other variation selectors", "a\U000E0100b\ufe01\u180b", "a<U+E0100>b<U+FE01><U+180B>"},
		{"two marks", "e\u0301\u0323", "e\u0301\u0323"},
		// CVE-2024-28085: a fake prompt that hides itself, and a title change.
		{"WallEscape", "\x1b[3A\x1b[K\x1b[?25l[sudo] password for bob: \x1b[8m", "^[[3A^[[K^[[?25l[sudo] password for bob: ^[[8m"},
		{"WallEscape title", "\x1b]0;owned\a\x1b\\", "^[]0;owned^G^[\\"},
		{"WallEscape clipboard", "\x1b]52;c;cm0gLXJmIH4=\x9c", "^[]52;c;cm0gLXJmIH4=\ufffd"},
	} {
		if got := Plain(c.in); got != c.want {
			t.Errorf("%s: Plain(%q) = %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestLine(t *testing.T) {
	if got, want := Line("bob\r\nroot\t\x1b[m"), "bob root ^[[m"; got != want {
		t.Errorf("Line = %q, want %q", got, want)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name  string
		in    string
		width int
		want  []string
	}{
		{"empty", "", 10, []string{""}},
		{"fits", "one two", 10, []string{"one two"}},
		{"by words", "one two three", 8, []string{"one two", "three"}},
		{"word fills the line", "12345678 9", 8, []string{"12345678", "9"}},
		{"long word", "abcdefghij k", 4, []string{"abcd", "efgh", "ij k"}},
		{"line breaks kept", "a\n\nb", 10, []string{"a", "", "b"}},
		{"indent kept", "  a b", 10, []string{"  a b"}},
		{"wide characters", "測試測試", 5, []string{"測試", "測試"}},
		{"tab", "a\tb", 20, []string{"a       b"}},
		{"too narrow for the emoji", "\u2764\ufe0fa", 1, []string{"\u2764", "a"}},
		{"too narrow for the character", "測a", 1, []string{"a"}},
	} {
		got := Wrap(c.in, c.width)
		if strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%s: Wrap(%q, %d) = %q, want %q", c.name, c.in, c.width, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"31c5ce94259d4006a9e4#0", 16, "31c5ce94259d4..."},
		{"exactly-16-chars", 16, "exactly-16-chars"},
		{"測試測試測試測試測", 16, "測試測試測試..."},
		{"abcd", 2, ".."},
	} {
		if got := Cut(c.in, c.width); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
}

// FuzzPlain holds the promise of the package comment for any bytes.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{"hello", "\x1b[2J", "\u009b", "\x9b", "\u202e", "e\u0301", "\r\n", "\xff", "a\tb", "測試", "a\u0301\u200d\u0301", "\U0001F468\u200d\U0001F469"} {
		f.Add(s, 20)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		p := Plain(s)
		if !utf8.ValidString(p) {
			t.Fatalf("Plain(%q) = %q is not UTF-8", s, p)
		}
		for _, r := range p {
			if r != '\n' && r != '\t' && (!unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r)) {
				t.Fatalf("Plain(%q) = %q holds %U", s, p, r)
			}
		}
		if again := Plain(p); again != p {
			t.Fatalf("Plain is not idempotent: %q then %q", p, again)
		}
		if l := Line(s); strings.ContainsAny(l, "\n\t") {
			t.Fatalf("Line(%q) = %q", s, l)
		}
		width = 2 + (width&0x7fffffff)%200
		for _, line := range Wrap(p, width) {
			if strings.ContainsAny(line, "\n\t") || Width(line) > width {
				t.Fatalf("Wrap(%q, %d) has the line %q of width %d", p, width, line, Width(line))
			}
		}
		if c := Cut(Line(s), width); Width(c) > width {
			t.Fatalf("Cut(%q, %d) = %q", s, width, c)
		}
	})
}
