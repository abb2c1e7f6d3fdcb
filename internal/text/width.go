package text

import (
	"unicode"

	"github.com/rivo/uniseg"
)

// Width returns how many terminal cells s takes at most; s is one line of Plain
// text.
//
// Terminals do not agree about characters that are put together: some show a
// syllable or an emoji with its skin in two cells, others letter after letter.
// A line that is thought to be too wide only ends early. One that is wider than
// it was thought goes on outside of the block, where the sender can draw
// whatever looks like another message.
func Width(s string) int {
	if isPlainASCII(s) {
		return len(s)
	}
	width, state := 0, -1
	for s != "" {
		var cluster string
		var w int
		cluster, s, w, state = uniseg.FirstGraphemeClusterInString(s, state)
		width += cells(cluster, w)
	}
	return width
}

// cells is the width of one cluster: w as one picture, or that of its runes one
// after the other if it is more.
func cells(cluster string, w int) int {
	sum := 0
	for _, r := range cluster {
		sum += runeCells(r)
	}
	return max(w, sum)
}

// runeCells is the width of a rune as wcwidth(3) has it.
func runeCells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case r >= 0x1160 && r <= 0x11ff || r >= 0xd7b0 && r <= 0xd7ff:
		return 0 // vowels and final consonants, drawn into what is before them
	case unicode.Is(narrow, r):
		return 1
	case unicode.Is(wide, r):
		return 2
	}
	return uniseg.StringWidth(string(r))
}

// Characters to which uniseg gives fewer cells than wcwidth(3): vowel signs and
// voiced marks with a cell of their own, and signs that are wide, of which the
// colours of skins are the ones that can be repeated.
var (
	narrow = &unicode.RangeTable{
		R16: []unicode.Range16{
			{0x09be, 0x09be, 1}, {0x09d7, 0x09d7, 1}, {0x0b3e, 0x0b3e, 1}, {0x0b57, 0x0b57, 1}, {0x0bbe, 0x0bbe, 1}, {0x0bd7, 0x0bd7, 1},
			{0x0cc2, 0x0cc2, 1}, {0x0cd5, 0x0cd6, 1}, {0x0d3e, 0x0d3e, 1}, {0x0d57, 0x0d57, 1}, {0x0dcf, 0x0dcf, 1}, {0x0ddf, 0x0ddf, 1},
			{0x1b35, 0x1b35, 1}, {0xff9e, 0xff9f, 1},
		},
		R32: []unicode.Range32{
			{0x1133e, 0x1133e, 1}, {0x11357, 0x11357, 1}, {0x114b0, 0x114b0, 1}, {0x114bd, 0x114bd, 1}, {0x115af, 0x115af, 1}, {0x11930, 0x11930, 1},
			{0x1d165, 0x1d165, 1}, {0x1d16e, 0x1d172, 1},
		},
	}
	wide = &unicode.RangeTable{
		R16: []unicode.Range16{
			{0x302e, 0x302f, 1}, {0x3030, 0x3030, 1}, {0x303d, 0x303d, 1}, {0x3248, 0x324f, 1}, {0x3297, 0x3297, 1}, {0x3299, 0x3299, 1}, {0x4dc0, 0x4dff, 1},
		},
		R32: []unicode.Range32{{0x1f202, 0x1f202, 1}, {0x1f237, 0x1f237, 1}, {0x1f260, 0x1f265, 1}, {0x1f3fb, 0x1f3ff, 1}},
	}
)
