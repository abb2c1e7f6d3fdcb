package console

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"msg/internal/text"
)

// page437 is a code page as WideCharToMultiByte has it where it may choose
// characters that fit best.
func page437(s string) []byte {
	var b []byte
	for _, r := range s {
		switch {
		case r < 0x80:
			b = append(b, byte(r))
		case r == 'ü':
			b = append(b, 0x81)
		case r == '\u2190':
			b = append(b, 0x1b)
		case r == '\u2022':
			b = append(b, 0x07)
		default:
			b = append(b, '?')
		}
	}
	return b
}

func TestWriter(t *testing.T) {
	var out bytes.Buffer
	w := writer{&out, func(s string) []byte { return harmless(page437(s)) }}
	in := "über\tu\u2190[2J \u2022 €\nA\xff\n"
	if n, err := w.Write([]byte(in)); n != len(in) || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
	if got, want := out.String(), "\x81ber\tu?[2J ? ?\r\nA?\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if n, err := (writer{broken{}, page437}).Write([]byte("x")); n != 0 || err != errBroken {
		t.Errorf("Write to a closed pipe: %d, %v", n, err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestASCII(t *testing.T) {
	if got := string(ascii("a ü 日本\n")); got != "a ? ??\n" {
		t.Errorf("got %q", got)
	}
}

func TestDecodeInput(t *testing.T) {
	decode := func(b []byte) string { return strings.ReplaceAll(string(b), "\x81", "ü") }
	for in, want := range map[string]string{
		"":                          "",
		"gr\x81n":                   "grün",
		"gr\x81n\r\n\x1arest\x81":   "grün\r\n",
		"\x1a":                      "",
		"\xef\xbb\xbfgr\xc3\xbcn":   "\xef\xbb\xbfgr\xc3\xbcn", // package cli reads the mark
		"\xff\xfea\x00\x1a\x00":     "\xff\xfea\x00\x1a\x00",
		"\xfe\xff\x00a":             "\xfe\xff\x00a",
		"not first \xef\xbb\xbf ok": "not first \xef\xbb\xbf ok",
	} {
		if got := string(decodeInput([]byte(in), decode)); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// TestDate has what Windows and Unicode's CLDR have as short dates and times, by
// the tables of DateTimeFormatInfo in the tests of .NET: with blanks that do not
// break lines, and with marks of the direction of writing. Neither is in the code
// page of a console, in which it would be a question mark.
func TestDate(t *testing.T) {
	for _, c := range []struct{ locale, day, clock, want string }{
		{"de-DE", "24.11.2026", "15:04", "24.11.2026 15:04"},
		{"en-US", "11/24/2026", "3:04 PM", "11/24/2026 3:04 PM"},
		{"en-US of CLDR 42 and later", "11/24/2026", "3:04\u202fPM", "11/24/2026 3:04 PM"},
		{"en-GB", "24/11/2026", "15:04", "24/11/2026 15:04"},
		{"ja-JP", "2026/11/24", "9:04", "2026/11/24 9:04"},
		{"ko-KR", "2026. 11. 24.", "오후 3:04", "2026. 11. 24. 오후 3:04"},
		{"zh-CN", "2026/11/24", "15:04", "2026/11/24 15:04"},
		{"ar-SA", "24\u200f/11\u200f/2026", "3:04\u00a0م", "24/11/2026 3:04 م"},
		{"ar-SA, in its own digits", "\u200f٢٤\u200f/١١\u200f/٢٠٢٦", "٣:٠٤ م", "٢٤/١١/٢٠٢٦ ٣:٠٤ م"},
		{"he-IL", "24.11.2026", "15:04", "24.11.2026 15:04"},
		{"fa-IR, by the Persian calendar", "1405/9/3", "15:04", "1405/9/3 15:04"},
		{"th-TH, by the Buddhist calendar", "24/11/2569", "15:04", "24/11/2569 15:04"},
		{"bg-BG", "24.11.2026 г.", "15:04", "24.11.2026 г. 15:04"},
		{"hr-HR", "24.\u00a011.\u00a02026.", "15:04", "24. 11. 2026. 15:04"},
		{"fr-CA", "2026-11-24", "15 h 04", "2026-11-24 15 h 04"},
		{"fi-FI", "24.11.2026", "15.04", "24.11.2026 15.04"},
		{"el-GR", "24/11/2026", "3:04 μ.μ.", "24/11/2026 3:04 μ.μ."},
		{"a format that somebody has set", " 24/11\u30002026 ", "3:04\r\nPM\n", "24/11 2026 3:04 PM"},
		{"another one", "24\x1b[2J\u202e", "15:04", "24^[[2J 15:04"},
	} {
		if got := date(c.day, c.clock); got != c.want {
			t.Errorf("%s: got %q, want %q", c.locale, got, c.want)
		}
	}
}

// TestLocale holds that the name of the environment counts where Windows does
// not say otherwise.
func TestLocale(t *testing.T) {
	day := time.Date(2026, 11, 24, 15, 4, 0, 0, time.UTC)
	if name, loc := Locale("de_DE.UTF-8"); name == "de_DE.UTF-8" && loc.Format(day) != "24.11.2026 15:04" {
		t.Errorf("%s: %q", name, loc.Format(day))
	}
	if _, loc := Locale(""); loc.Format(day) == "" || text.Line(loc.Format(day)) != loc.Format(day) {
		t.Errorf("without a name: %q", loc.Format(day))
	}
}

// FuzzWriter holds that nothing a terminal acts on comes out, whatever a code
// page does.
func FuzzWriter(f *testing.F) {
	f.Add("über\n", uint8(0x1b))
	f.Add("\u2190\u2022", uint8(0x7f))
	f.Fuzz(func(t *testing.T, s string, becomes uint8) {
		s = text.Plain(s)
		var out bytes.Buffer
		w := writer{&out, func(s string) []byte {
			var b []byte
			for _, r := range s {
				if r < utf8.RuneSelf {
					b = append(b, byte(r))
				} else {
					b = append(b, becomes)
				}
			}
			return harmless(b)
		}}
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
		for _, c := range out.Bytes() {
			if c < ' ' && c != '\r' && c != '\n' && c != '\t' || c == 0x7f {
				t.Fatalf("%q becomes %q", s, out.String())
			}
		}
		if strings.Count(out.String(), "\r\n") < strings.Count(s, "\n") {
			t.Fatalf("%q becomes %q", s, out.String())
		}
	})
}
