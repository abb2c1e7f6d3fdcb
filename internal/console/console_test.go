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

func TestDate(t *testing.T) {
	if got := date("\u200f24\u200f/11/2026", "3:04\u202fPM\n"); got != "24/11/2026 3:04\u202fPM " {
		t.Errorf("got %q", got)
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
