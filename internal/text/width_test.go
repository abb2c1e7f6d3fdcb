package text

import (
	"strings"
	"testing"
)

// TestWidth has what terminals show in cells of their own, though Unicode says
// that it is one character with what is before it.
func TestWidth(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     int
	}{
		{"letters", "abc", 3},
		{"accent", "e\u0301", 1},
		{"CJK", "測試", 4},
		{"syllable of letters", "\u1100\u1161\u11a8", 2},
		{"consonants in a row", strings.Repeat("\u1100", 50), 100},
		{"half-width katakana", "\uff76\uff9e", 2},
		{"voiced marks in a row", strings.Repeat("\uff9e", 50), 50},
		{"Bengali vowel sign", "\u0995\u09be", 2},
		{"Tamil vowel sign", "\u0b95\u0bbe", 2},
		{"skin", "\U0001f44d\U0001f3fd", 4},
		{"skins in a row", strings.Repeat("\U0001f3fd", 50), 100},
		{"flag", "\U0001f1e9\U0001f1ea", 4},
		{"heart as emoji", "\u2764\ufe0f", 2},
		{"hexagram", "\u4dc0", 2},
		{"wavy dash", "\u3030", 2},
	} {
		if got := Width(c.in); got != c.want {
			t.Errorf("%s: Width(%+q) = %d, want %d", c.name, c.in, got, c.want)
		}
	}
}

// TestWrapKeepsInside: no run of anything makes a line that a terminal shows
// wider, and none is lost.
func TestWrapKeepsInside(t *testing.T) {
	for _, r := range []rune{0x1100, 0xff9e, 0x1f3fd, 0x09be, 0x302e, 0x4dc0, 0x0d4e, 0x1f1e6} {
		s := Plain("a" + strings.Repeat(string(r), 100))
		lines := Wrap(s, 20)
		if got := strings.Join(lines, ""); got != s {
			t.Errorf("%U: %d bytes of %d are left", r, len(got), len(s))
		}
		for _, line := range lines {
			sum := 0
			for _, r := range line {
				sum += runeCells(r)
			}
			if sum > 20 {
				t.Errorf("%U: a line of %d cells", r, sum)
			}
		}
	}
}
