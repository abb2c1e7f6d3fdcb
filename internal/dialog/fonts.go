package dialog

import (
	"bytes"
	"image"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/segmenter"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
)

// fonts knows in which font each character is drawn: that of the program where
// it has the character, else the first of the others that does.
type fonts struct {
	regular, bold *font.Face
	others        []*font.Face
	chosen        map[choice]*font.Face
	pictures      map[picture]image.Image // decoded and scaled
}

// choice is a cluster of characters, in bold or not.
type choice struct {
	cluster string
	bold    bool
}

// newFonts finds fonts for the texts, and returns the characters for which
// there is none.
func newFonts(dirs []string, texts ...string) (*fonts, []rune) {
	f := &fonts{
		regular: embedded(goregular.TTF), bold: embedded(gobold.TTF),
		chosen: map[choice]*font.Face{}, pictures: map[picture]image.Image{},
	}
	wanted := f.unknown(strings.Join(texts, "\n"))
	if len(wanted) > 0 {
		f.others = findFonts(dirs, wanted)
	}
	return f, f.missing(wanted)
}

// embedded parses a font that is part of the program.
func embedded(ttf []byte) *font.Face {
	face, err := font.ParseTTF(bytes.NewReader(ttf))
	if err != nil {
		panic("a font in the program cannot be read: " + err.Error())
	}
	return face
}

// unknown returns the clusters of s that the fonts of the program do not have,
// each once.
func (f *fonts) unknown(s string) []string {
	var found []string
	seen := map[string]bool{}
	eachCluster(s, func(cluster string) {
		if !seen[cluster] && (pictorial(cluster) || !covers(f.regular, cluster)) {
			found = append(found, cluster)
		}
		seen[cluster] = true
	})
	return found
}

// missing returns the characters of the clusters that no font has.
func (f *fonts) missing(clusters []string) []rune {
	var none []rune
	for _, cluster := range clusters {
		for _, r := range cluster {
			if !slices.ContainsFunc(f.all(false), func(face *font.Face) bool { return covers(face, string(r)) }) {
				none = append(none, r)
			}
		}
	}
	slices.Sort(none)
	return slices.Compact(none)
}

// all are the fonts in the order in which they are asked.
func (f *fonts) all(bold bool) []*font.Face {
	if bold {
		return append([]*font.Face{f.bold}, f.others...)
	}
	return append([]*font.Face{f.regular}, f.others...)
}

// face returns the font for one cluster: the first that has all of it, else
// the first that has its base.
func (f *fonts) face(cluster string, bold bool) *font.Face {
	key := choice{cluster, bold}
	if face, ok := f.chosen[key]; ok {
		return face
	}
	order := f.all(bold)
	if pictorial(cluster) {
		order = slices.Concat(f.others, order)
	}
	face := firstFace(order, cluster)
	if face == nil {
		first, _ := utf8.DecodeRuneInString(cluster)
		face = firstFace(order, string(first))
	}
	if face == nil {
		face = f.all(bold)[0]
	}
	f.chosen[key] = face
	return face
}

func firstFace(faces []*font.Face, cluster string) *font.Face {
	for _, face := range faces {
		if covers(face, cluster) {
			return face
		}
	}
	return nil
}

// covers reports whether a font has a glyph for each character that needs one.
func covers(face *font.Face, cluster string) bool {
	for _, r := range cluster {
		if gid, ok := face.NominalGlyph(r); (!ok || gid == 0) && needsGlyph(r) {
			return false
		}
	}
	return true
}

// needsGlyph reports whether r is seen. Spaces of all kinds are made by the
// shaper where a font lacks them.
func needsGlyph(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.Is(unicode.Variation_Selector, r)
}

// pictorial reports whether a cluster is to be drawn as a picture if a font has
// one: the planes of emoji, and what the emoji selector follows.
func pictorial(cluster string) bool {
	first, _ := utf8.DecodeRuneInString(cluster)
	return first >= 0x1f000 && first < 0x20000 || strings.ContainsRune(cluster, 0xfe0f)
}

// eachCluster calls visit for each user-perceived character of s, as the line
// breaker sees them.
func eachCluster(s string, visit func(cluster string)) {
	var all segmenter.Segmenter
	all.Init([]rune(s))
	for clusters := all.GraphemeIterator(); clusters.Next(); {
		visit(string(clusters.Grapheme().Text))
	}
}
