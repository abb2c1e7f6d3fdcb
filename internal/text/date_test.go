package text

import (
	"testing"
	"time"
)

func TestLocaleFormat(t *testing.T) {
	morning := time.Date(2026, 9, 6, 8, 2, 59, 0, time.UTC)
	evening := time.Date(2023, 12, 30, 19, 36, 0, 0, time.UTC)
	for _, c := range []struct{ locale, morning, evening string }{
		{"en_US.UTF-8", "9/6/2026 8:02 AM", "12/30/2023 7:36 PM"},
		{"en_AU.UTF-8", "6/09/2026 8:02 AM", "30/12/2023 7:36 PM"},
		{"en_NZ", "6/09/2026 8:02 AM", "30/12/2023 7:36 PM"},
		{"en_GB.UTF-8", "06/09/2026 08:02", "30/12/2023 19:36"},
		{"en_CA", "2026-09-06 08:02", "2023-12-30 19:36"},
		{"de_DE.UTF-8", "06.09.2026 08:02", "30.12.2023 19:36"},
		{"de_DE@euro", "06.09.2026 08:02", "30.12.2023 19:36"},
		{"de_AT", "06.09.2026 08:02", "30.12.2023 19:36"},
		{"de", "06.09.2026 08:02", "30.12.2023 19:36"},
		{"fr_FR.ISO-8859-1", "06/09/2026 08:02", "30/12/2023 19:36"},
		{"fr_CH", "06.09.2026 08:02", "30.12.2023 19:36"},
		{"da_DK.UTF-8", "06.09.2026 08.02", "30.12.2023 19.36"},
		{"fi_FI", "6.9.2026 08.02", "30.12.2023 19.36"},
		{"sv_SE", "2026-09-06 08:02", "2023-12-30 19:36"},
		{"hu_HU", "2026. 09. 06. 08:02", "2023. 12. 30. 19:36"},
		{"ja_JP.UTF-8", "2026/09/06 08:02", "2023/12/30 19:36"},
		{"zh_CN", "2026/9/6 08:02", "2023/12/30 19:36"},
		{"C", "2026-09-06 08:02", "2023-12-30 19:36"},
		{"C.UTF-8", "2026-09-06 08:02", "2023-12-30 19:36"},
		{"POSIX", "2026-09-06 08:02", "2023-12-30 19:36"},
		{"", "2026-09-06 08:02", "2023-12-30 19:36"},
		{"tlh_KX", "2026-09-06 08:02", "2023-12-30 19:36"},
		{".", "2026-09-06 08:02", "2023-12-30 19:36"},
		{"_", "2026-09-06 08:02", "2023-12-30 19:36"},
	} {
		loc := LocaleFor(c.locale)
		if got := loc.Format(morning); got != c.morning {
			t.Errorf("%q: %q, want %q", c.locale, got, c.morning)
		}
		if got := loc.Format(evening); got != c.evening {
			t.Errorf("%q: %q, want %q", c.locale, got, c.evening)
		}
	}
	if got := (Locale{}).Format(morning); got != "2026-09-06 08:02" {
		t.Errorf("the zero Locale writes %q", got)
	}
}

// TestLayouts holds that no form leaves anything out: reading what was
// written gives the same minute.
func TestLayouts(t *testing.T) {
	for name, layout := range layouts {
		for _, at := range []time.Time{
			time.Date(2026, 9, 6, 8, 2, 0, 0, time.UTC), time.Date(2023, 12, 30, 19, 36, 0, 0, time.UTC), time.Date(2000, 2, 29, 0, 0, 0, 0, time.UTC),
		} {
			written := LocaleFor(name).Format(at)
			if back, err := time.Parse(layout, written); err != nil || !back.Equal(at) {
				t.Errorf("%s: %v is written %q and read as %v, %v", name, at, written, back, err)
			}
		}
	}
}

func TestDefaultTitle(t *testing.T) {
	sent := time.Date(2020, 1, 30, 16, 27, 0, 0, time.UTC)
	for _, c := range []struct{ from, locale, want string }{
		{"bob@web1", "en_US", "Message from bob@web1 1/30/2020 4:27 PM"},
		{`CORP\bob`, "de_DE", `Message from CORP\bob 30.01.2020 16:27`},
		{"eve\x1b[2J\n", "", "Message from eve^[[2J  2020-01-30 16:27"},
	} {
		if got := DefaultTitle(c.from, sent, LocaleFor(c.locale)); got != c.want {
			t.Errorf("DefaultTitle(%q, %s) = %q, want %q", c.from, c.locale, got, c.want)
		}
	}
}

func TestHeading(t *testing.T) {
	sent := time.Date(2026, 11, 24, 15, 4, 0, 0, time.UTC)
	for _, c := range []struct {
		title, from string
		again       bool
		heading, by string
	}{
		{"", "bob@web1", false, "Message from bob@web1 2026-11-24 15:04", ""},
		{"Tonight", "bob@web1", true, "Tonight (shown again)", "from bob@web1, 2026-11-24 15:04"},
		{"Message from bob@web1 now", "bob@web1", false, "Message from bob@web1 now", ""},
		{"Message from boss at", "bob", false, "Message from boss at", "from bob, 2026-11-24 15:04"},
		{"a\nb", "x\x1by", false, "a b", "from x^[y, 2026-11-24 15:04"},
	} {
		if heading, by := Heading(c.title, c.from, sent, c.again, LocaleFor("C")); heading != c.heading || by != c.by {
			t.Errorf("%q from %q: %q, %q", c.title, c.from, heading, by)
		}
	}
}

func TestSummary(t *testing.T) {
	sent := time.Date(2026, 11, 24, 15, 4, 0, 0, time.UTC)
	for _, c := range []struct {
		title, from string
		again       bool
		summary, by string
	}{
		{"", "bob@web1", false, "Message from bob@web1", "2026-11-24 15:04"},
		{"", "bob@web1", true, "Message from bob@web1", "2026-11-24 15:04 (shown again)"},
		{"", "bob@ws-0417.example", false, "Message from bob@ws-0417.example", "2026-11-24 15:04"},
		{"", "bob@ws-04170.example", false, "Message from bob@ws-04170.example", "from bob@ws-04170.example, 2026-11-24 15:04"},
		{"Message from bob@web1", "eve@web1", false, "Message from bob@web1", "from eve@web1, 2026-11-24 15:04"},
		{"a\nb", "x\x1by", true, "a b", "from x^[y, 2026-11-24 15:04 (shown again)"},
	} {
		if summary, by := Summary(c.title, c.from, sent, c.again, LocaleFor("C")); summary != c.summary || by != c.by {
			t.Errorf("%q from %q: %q, %q", c.title, c.from, summary, by)
		}
	}
}
