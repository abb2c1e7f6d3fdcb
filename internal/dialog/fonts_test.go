package dialog

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-text/typesetting/font/opentype"
	"golang.org/x/image/font/gofont/goregular"

	"msg/internal/hosttest"
)

// systemFonts are the fonts of this computer, or the test is skipped if there
// is none like that.
func systemFonts(t *testing.T, pattern, debian string) []string {
	t.Helper()
	if found, _ := filepath.Glob("/usr/share/fonts/" + pattern); len(found) == 0 {
		t.Skipf("no font %s (Debian: apt install %s)", pattern, debian)
	}
	return fontDirs("")
}

// TestSystemFonts shows what the program itself has no glyphs for.
func TestSystemFonts(t *testing.T) {
	for _, c := range []struct{ name, pattern, debian, text string }{
		{"Chinese, Japanese, Korean", "truetype/wqy/*", "fonts-wqy-microhei", "你好世界 こんにちは 안녕"},
		{"emoji", "truetype/noto/NotoColorEmoji.ttf", "fonts-noto-color-emoji", "😀 🎉 👍🏽 🇩🇪 ❤️ 1️⃣"},
		{"Arabic and symbols", "truetype/dejavu/DejaVuSans.ttf", "fonts-dejavu-core", "مرحبا بالعالم ♞ ✓"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dirs := systemFonts(t, c.pattern, c.debian)
			g := geometry{image.Rect(0, 0, 1024, 768), 1}
			if _, missing := newView(cleaned(Request{Text: c.text}), g, nil); len(missing) == 0 {
				t.Fatal("the fonts of the program have all of it, so that nothing is tested")
			}
			v, missing := newView(cleaned(Request{Text: c.text}), g, dirs)
			if len(missing) != 0 {
				t.Errorf("missing %q", missing)
			}
			for _, run := range v.body[0].runs {
				for _, glyph := range run.Glyphs {
					if glyph.GlyphID == 0 {
						t.Errorf("%q is drawn without a glyph for character %d", c.text, glyph.TextIndex())
					}
				}
			}
			img := image.NewRGBA(image.Rectangle{Max: v.size})
			v.paint(img)
			if n := colors(img, v.bodyArea); c.name == "emoji" && n < 100 || n < 10 {
				t.Errorf("there are %d colours", n)
			}
		})
	}
}

// colors counts the different colours in an area.
func colors(img *image.RGBA, area image.Rectangle) int {
	seen := map[color.RGBA]bool{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			seen[img.RGBAAt(x, y)] = true
		}
	}
	return len(seen)
}

// TestEmojiOnScreen is the same on a real screen.
func TestEmojiOnScreen(t *testing.T) {
	dirs := systemFonts(t, "truetype/noto/NotoColorEmoji.ttf", "fonts-noto-color-emoji")
	x := hosttest.XServer(t, "640x480x24")
	d := beginWith(t, x, Request{Title: "T", Text: "😀🎉"}, options{fontDirs: dirs})
	if len(d.missing) != 0 {
		t.Errorf("missing %q", d.missing)
	}
	if n := colors(x.Screenshot(t, d.window.Area), image.Rectangle{Max: d.window.Area.Size()}); n < 100 {
		t.Errorf("there are %d colours", n)
	}
}

// lacking are characters that the fonts of the program lack; the test checks
// that it is so.
const lacking = "中文"

// fontWith makes a font that has just these characters, drawn as letters are.
func fontWith(t testing.TB, characters string) []byte {
	t.Helper()
	loader, err := opentype.NewLoader(bytes.NewReader(goregular.TTF))
	if err != nil {
		t.Fatal(err)
	}
	var all []opentype.Table
	for _, tag := range loader.Tables() {
		content, err := loader.RawTable(tag)
		if err != nil {
			t.Fatal(err)
		}
		if tag == opentype.MustNewTag("cmap") {
			content = characterTable([]rune(characters))
		}
		all = append(all, opentype.Table{Tag: tag, Content: content})
	}
	return opentype.WriteTTF(all)
}

// characterTable makes a cmap table of format 12 with a group for each
// character.
func characterTable(characters []rune) []byte {
	slices.Sort(characters)
	b := []byte{0, 0, 0, 1, 0, 3, 0, 10, 0, 0, 0, 12, 0, 12, 0, 0}
	words := []int{16 + 12*len(characters), 0, len(characters)}
	for i, r := range characters {
		words = append(words, int(r), int(r), 'A'-29+i) // the glyphs of A and so on
	}
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, uint32(w))
	}
	return b
}

func TestFindFonts(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := fontWith(t, "文中")
	// What is broken comes first by its name.
	write("DejaVuSans-a.ttf", nil)
	write("DejaVuSans-b.ttf", []byte("no font"))
	write("DejaVuSans-c.ttf", good[:len(good)/3])
	write("DejaVuSans-d.ttc", append([]byte("ttcf\x00\x01\x00\x00\x7f\xff\xff\xff"), good...))
	if err := os.Mkdir(filepath.Join(dir, "DejaVuSans-e.ttf"), 0o700); err != nil {
		t.Fatal(err)
	}
	huge, err := os.Create(filepath.Join(dir, "DejaVuSans-f.ttf"))
	if err != nil {
		t.Fatal(err)
	}
	if err := huge.Truncate(maxFontFile + 1); err != nil {
		t.Fatal(err)
	}
	huge.Close()
	write("deeper/down/good.TTF", good)
	write("deeper/good.pcf", good)
	dirs := []string{filepath.Join(dir, "none"), dir}
	if _, missing := newFonts(nil, "a"+lacking); !slices.Equal(missing, []rune(lacking)) {
		t.Fatalf("missing without fonts: %q", missing)
	}
	faces, missing := newFonts(dirs, "a"+lacking)
	if len(missing) != 0 || len(faces.others) != 1 {
		t.Errorf("missing %q with %d fonts", missing, len(faces.others))
	}
	if faces.face("a", false) != faces.regular || faces.face(lacking, true) != faces.others[0] {
		t.Error("the fonts are not used for what they are there for")
	}
	if faces, missing := newFonts(dirs, "all of it"); len(missing) != 0 || len(faces.others) != 0 {
		t.Errorf("missing %q with %d fonts", missing, len(faces.others))
	}
}

func TestFontDirs(t *testing.T) {
	got := fontDirs("/home/alice")
	if !slices.Contains(got, filepath.Join("/home/alice", ".fonts")) || len(fontDirs("")) != len(got)-2 {
		t.Errorf("%q and %q", got, fontDirs(""))
	}
}

func TestRank(t *testing.T) {
	order := []string{"DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "wqy-microhei.ttc",
		"NotoSansThai-Regular.ttf", "unknown.ttf", "DejaVuSansMono.ttf", "NotoSansCJK-Bold.ttc", "NotoColorEmoji.ttf"}
	for i, name := range order[1:] {
		if plainRank("/x/"+order[i]) > plainRank("/x/"+name) {
			t.Errorf("%s comes after %s", order[i], name)
		}
	}
	if pictureRank("/x/NotoColorEmoji.ttf") >= pictureRank("/x/Symbola.ttf") || pictureRank("/x/Symbola.ttf") >= pictureRank("/x/DejaVuSans.ttf") {
		t.Error("pictures are not searched in fonts of pictures first")
	}
}

// FuzzFont draws with fonts of the system that are broken in some place.
func FuzzFont(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x00"), uint32(0), uint32(100))
	f.Add([]byte{0xff, 0xff}, uint32(5000), uint32(0))
	good := fontWith(f, lacking)
	f.Add(bytes.Repeat([]byte{0}, 64), uint32(130_000), uint32(len(good)))
	f.Fuzz(func(t *testing.T, patch []byte, at, length uint32) {
		ttf := slices.Clone(good)
		copy(ttf[int(at)%len(ttf):], patch)
		if length > 0 {
			ttf = ttf[:int(length)%(len(ttf)+1)]
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.ttf"), ttf, 0o600); err != nil {
			t.Fatal(err)
		}
		v, _ := newView(cleaned(Request{Title: lacking, Text: "a" + lacking + " b"}), geometry{image.Rect(0, 0, 640, 480), 1}, []string{dir})
		v.paint(image.NewRGBA(image.Rectangle{Max: v.size}))
	})
}

func TestPictures(t *testing.T) {
	src := image.NewRGBA(image.Rect(0, 0, 4, 4))
	for i := range 16 {
		src.SetRGBA(i%4, i/4, color.RGBA{uint8(16 * i), 0, 0, 0xff})
	}
	small := shrink(src, 2, 2).(*image.RGBA)
	if got, want := small.RGBAAt(0, 0), (color.RGBA{(0 + 16 + 64 + 80) / 4, 0, 0, 0xff}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if large := shrink(src, 9, 9).(*image.RGBA); large.RGBAAt(8, 8) != src.RGBAAt(3, 3) {
		t.Errorf("got %v", large.RGBAAt(8, 8))
	}
	if empty := shrink(image.NewRGBA(image.Rectangle{}), 3, 3); empty.Bounds().Dx() != 3 {
		t.Errorf("got %v", empty.Bounds())
	}
}
