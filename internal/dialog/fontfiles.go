package dialog

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/font/opentype/tables"
)

// Limits on the search for fonts.
const (
	searchTime   = time.Second     // no file is opened after it
	searchLimit  = 4 * time.Second // then a file system that does not answer is left behind
	maxFontFiles = 5000
	maxFontFile  = 128 << 20
	maxFonts     = 24
)

// fontDirs are the folders of fonts, see fonts-conf(5).
func fontDirs(home string) []string {
	dirs := []string{"/usr/share/fonts", "/usr/local/share/fonts"}
	if home != "" {
		dirs = append(dirs, filepath.Join(home, ".local/share/fonts"), filepath.Join(home, ".fonts"))
	}
	return dirs
}

// findFonts returns fonts that together have the clusters, as far as it finds
// them in time.
func findFonts(dirs, wanted []string) []*font.Face {
	ctx, cancel := context.WithTimeout(context.Background(), searchTime)
	defer cancel()
	found := make(chan *font.Face, maxFonts)
	go func() {
		defer close(found)
		s := search{ctx: ctx, files: fontFiles(ctx, dirs), found: found}
		s.run(wanted)
	}()
	limit := time.NewTimer(searchLimit)
	defer limit.Stop()
	var faces []*font.Face
	for {
		select {
		case face, ok := <-found:
			if !ok {
				return faces
			}
			faces = append(faces, face)
		case <-limit.C:
			return faces
		}
	}
}

// fontFiles lists what may be fonts, and is not one of the kinds that only old
// programs read.
func fontFiles(ctx context.Context, dirs []string) []string {
	var files []string
	for _, dir := range dirs {
		root, err := filepath.EvalSymlinks(dir)
		if err != nil {
			continue
		}
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if ctx.Err() != nil || len(files) >= maxFontFiles {
				return fs.SkipAll
			}
			if err == nil && !d.IsDir() && isFontName(path) {
				files = append(files, path)
			}
			return nil
		})
	}
	return files
}

func isFontName(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".ttf", ".otf", ".ttc", ".otc":
		return true
	}
	return false
}

// search is one search for fonts.
type search struct {
	ctx   context.Context
	files []string
	found chan<- *font.Face
	count int
}

// run searches pictures in fonts that have pictures first, and everything else
// in others first. Of what no font has as a whole the parts are searched.
func (s *search) run(wanted []string) {
	var pictures, plain, parts []string
	for _, cluster := range wanted {
		if pictorial(cluster) {
			pictures = append(pictures, cluster)
		} else {
			plain = append(plain, cluster)
		}
	}
	for _, cluster := range slices.Concat(s.find(pictures, pictureRank), s.find(plain, plainRank)) {
		if utf8.RuneCountInString(cluster) > 1 {
			parts = append(parts, strings.Split(cluster, "")...)
		}
	}
	slices.Sort(parts)
	s.find(slices.Compact(parts), plainRank)
}

// find opens one file after the other, the best ones first, and returns what
// is still wanted in the end.
func (s *search) find(wanted []string, rank func(path string) int) []string {
	type ranked struct {
		rank int
		path string
	}
	files := make([]ranked, len(s.files))
	for i, path := range s.files {
		files[i] = ranked{rank(path), path}
	}
	slices.SortStableFunc(files, func(a, b ranked) int { return a.rank - b.rank })
	for _, f := range files {
		if len(wanted) == 0 || s.count >= maxFonts || s.ctx.Err() != nil {
			break
		}
		wanted = s.look(f.path, wanted)
	}
	return wanted
}

// look takes the fonts of a file that have something wanted, and returns what
// is still wanted. A broken file is passed over, whatever the library does.
func (s *search) look(path string, wanted []string) (left []string) {
	left = wanted
	defer func() { _ = recover() }()
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFontFile {
		return left
	}
	f, err := os.Open(path)
	if err != nil {
		return left
	}
	defer f.Close()
	loaders, err := opentype.NewLoaders(f)
	if err != nil {
		return left
	}
	for _, loader := range loaders {
		left = s.take(loader, left)
	}
	return left
}

// take loads a font if its table of characters says that it has something
// wanted. That table is small; the font may not be.
func (s *search) take(loader *opentype.Loader, wanted []string) []string {
	cmap, err := characters(loader)
	if err != nil || s.count >= maxFonts || !slices.ContainsFunc(wanted, func(c string) bool { return promises(cmap, c) }) {
		return wanted
	}
	loaded, err := font.NewFont(loader)
	if err != nil {
		return wanted
	}
	face := font.NewFace(loaded)
	// The default of a font with variations may be its thinnest.
	face.SetVariations([]font.Variation{{Tag: opentype.MustNewTag("wght"), Value: 400}})
	left := slices.DeleteFunc(slices.Clone(wanted), func(c string) bool { return covers(face, c) && drawable(face, c) })
	if len(left) < len(wanted) {
		s.count++
		s.found <- face
	}
	return left
}

// characters reads the table that says which characters a font has.
func characters(loader *opentype.Loader) (font.Cmap, error) {
	var page tables.FontPage
	if raw, err := loader.RawTable(opentype.MustNewTag("OS/2")); err == nil {
		if os2, _, err := tables.ParseOs2(raw); err == nil {
			page = os2.FontPage()
		}
	}
	raw, err := loader.RawTable(opentype.MustNewTag("cmap"))
	if err != nil {
		return nil, fmt.Errorf("reading the characters of a font: %w", err)
	}
	table, _, err := tables.ParseCmap(raw)
	if err != nil {
		return nil, fmt.Errorf("reading the characters of a font: %w", err)
	}
	cmap, _, err := font.ProcessCmap(table, page)
	return cmap, err
}

// promises is covers for a font of which only this table is known.
func promises(cmap font.Cmap, cluster string) bool {
	for _, r := range cluster {
		if gid, ok := cmap.Lookup(r); (!ok || gid == 0) && needsGlyph(r) {
			return false
		}
	}
	return true
}

// drawable reports whether the glyphs of a cluster are of a kind that can be
// drawn. Pictures made of layers with gradients (COLR version 1) or of SVG are not.
func drawable(face *font.Face, cluster string) bool {
	for _, r := range cluster {
		gid, ok := face.NominalGlyph(r)
		if !ok || !needsGlyph(r) {
			continue
		}
		if _, ok := glyphPicture(face, gid); ok {
			continue
		}
		if outline, ok := face.GlyphDataOutline(gid); !ok || len(outline.Segments) == 0 {
			return false
		}
	}
	return true
}

// plainRank puts fonts with many characters, made for reading on a screen,
// before special ones, and pictures last.
func plainRank(path string) int {
	name := strings.ToLower(filepath.Base(path))
	rank := 10
	for i, good := range []string{"dejavusans", "notosans-", "notosanscjk", "wqy", "droidsansfallback", "notosans"} {
		if strings.HasPrefix(name, good) {
			rank = i
			break
		}
	}
	for _, special := range []string{"bold", "italic", "oblique", "mono", "serif", "condensed", "light", "thin", "black", "extra", "medium"} {
		if strings.Contains(name, special) {
			rank += 20
		}
	}
	if strings.Contains(name, "emoji") {
		rank += 1000
	}
	return rank
}

// pictureRank puts fonts of pictures first.
func pictureRank(path string) int {
	name := strings.ToLower(filepath.Base(path))
	switch {
	case strings.Contains(name, "color") && strings.Contains(name, "emoji"):
		return -3
	case strings.Contains(name, "emoji"):
		return -2
	case strings.Contains(name, "symbol"):
		return -1
	}
	return plainRank(path)
}
