package dialog

import (
	"slices"
	"strings"
	"unicode"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
)

// style is how text looks.
type style struct {
	size   float64 // pixels to the em
	bold   bool
	height int // from line to line
}

// line is one line of text, broken and shaped.
type line struct {
	runs        []shaping.Output // from left to right
	width       fixed.Int26_6
	rightToLeft bool
}

// setter breaks text into lines.
type setter struct {
	fonts     *fonts
	segmenter shaping.Segmenter
	shaper    shaping.HarfbuzzShaper
	wrapper   shaping.LineWrapper
}

// tabSpaces is what a tab character becomes.
const tabSpaces = "    "

// lines breaks s, which is Plain, into lines that are at most width pixels
// wide; with a limit above 0 there are at most so many, and the last one ends
// in an ellipsis if there would be more.
func (s *setter) lines(text string, st style, width, limit int) []line {
	var all []line
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(text, "\t", tabSpaces), "\n") {
		all = append(all, s.paragraph([]rune(paragraph), st, max(width, 1), limit)...)
	}
	return all
}

// paragraph breaks one paragraph.
func (s *setter) paragraph(text []rune, st style, width, limit int) []line {
	direction := di.DirectionLTR
	if rightToLeft(text) {
		direction = di.DirectionRTL
	}
	if len(text) == 0 {
		return []line{{}}
	}
	config := shaping.WrapConfig{Direction: direction, TruncateAfterLines: limit}
	if limit > 0 {
		ellipsis := s.runs([]rune("…"), st, direction)
		config.Truncator = s.shape(ellipsis[0], st)
	}
	var shaped []shaping.Output
	for _, run := range s.runs(text, st, direction) {
		shaped = append(shaped, s.shape(run, st))
	}
	wrapped, _ := s.wrapper.WrapParagraph(config, width, text, shaping.NewSliceIterator(shaped))
	lines := make([]line, 0, len(wrapped))
	for _, w := range wrapped {
		lines = append(lines, newLine(w, direction))
	}
	return lines
}

// newLine copies a line out of the wrapper, which uses its memory again.
func newLine(w shaping.Line, direction di.Direction) line {
	l := line{runs: slices.Clone(w), rightToLeft: direction == di.DirectionRTL}
	slices.SortStableFunc(l.runs, func(a, b shaping.Output) int { return int(a.VisualIndex - b.VisualIndex) })
	for _, run := range l.runs {
		l.width += run.Advance
	}
	return l
}

// runs cuts text into parts of one direction, script and font.
func (s *setter) runs(text []rune, st style, direction di.Direction) []shaping.Input {
	base := s.fonts.all(st.bold)[0]
	in := shaping.Input{
		Text: text, RunEnd: len(text), Direction: direction, Face: base,
		Size: fixed.Int26_6(st.size * 64), Language: language.NewLanguage("en"),
	}
	faces := s.faces(text, st.bold)
	var out []shaping.Input
	for _, run := range s.segmenter.Split(in, oneFace{base}) {
		for start := run.RunStart; start < run.RunEnd; {
			end := start + 1
			for end < run.RunEnd && faces[end] == faces[start] {
				end++
			}
			part := run
			part.RunStart, part.RunEnd, part.Face = start, end, faces[start]
			out = append(out, part)
			start = end
		}
	}
	return out
}

// faces returns the font of each character.
func (s *setter) faces(text []rune, bold bool) []*font.Face {
	faces := make([]*font.Face, 0, len(text))
	eachCluster(string(text), func(cluster string) {
		face := s.fonts.face(cluster, bold)
		for range cluster {
			faces = append(faces, face)
		}
	})
	return faces
}

// oneFace is a map of fonts with one font.
type oneFace struct{ face *font.Face }

// ResolveFace returns that font.
func (o oneFace) ResolveFace(rune) *font.Face { return o.face }

// shape turns characters into glyphs. Fonts of the system may break the
// shaper; the text is then drawn with what the program has.
func (s *setter) shape(in shaping.Input, st style) (out shaping.Output) {
	defer func() {
		if recover() != nil {
			in.Face = s.fonts.all(st.bold)[0]
			out = s.shaper.Shape(in)
		}
	}()
	return s.shaper.Shape(in)
}

// rightToLeft reports whether the first letter is of a script that is written
// so, which is what decides for a paragraph (UAX #9, P2).
func rightToLeft(text []rune) bool {
	for _, r := range text {
		if unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Samaritan,
			unicode.Mandaic, unicode.Adlam, unicode.Hanifi_Rohingya, unicode.Mende_Kikakui) && unicode.IsLetter(r) {
			return true
		}
		if unicode.IsLetter(r) {
			return false
		}
	}
	return false
}
