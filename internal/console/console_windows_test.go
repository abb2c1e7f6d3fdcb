package console

import (
	"testing"
	"time"

	"msg/internal/text"
)

func TestCodePage(t *testing.T) {
	if got := string(encode("grün ß € \u2190\u2022 日", 850)); got != "gr\x81n \xe1 ? ?? ?" {
		t.Errorf("encoded: %q", got)
	}
	if got := decode([]byte("gr\x81n \xe1"), 850); got != "grün ß" {
		t.Errorf("decoded: %q", got)
	}
	if got := string(encode("a日", 932)); got != "a\x93\xfa" {
		t.Errorf("encoded in two bytes: %q", got)
	}
	if got := string(encode("aü", 1)); got == "" { // that of the system
		t.Error("nothing is encoded")
	}
	if got := string(encode("aü", 12345)); got != "a?" {
		t.Errorf("in a code page that there is not: %q", got)
	}
	if encode("", 850) != nil || decode(nil, 850) != "" {
		t.Error("nothing becomes something")
	}
}

func TestUserLocale(t *testing.T) {
	day := time.Date(2026, 11, 24, 15, 4, 0, 0, time.UTC)
	name, loc := Locale("xx_XX")
	got := loc.Format(day)
	if name == "" || name == "xx_XX" || len(got) < 8 || text.Line(got) != got {
		t.Errorf("%q: %q", name, got)
	}
	if want := text.LocaleFor(name).Format(day); name == "en-US" && got != want {
		t.Errorf("%q, want %q", got, want) // nobody has changed the formats of a test machine
	}
}
