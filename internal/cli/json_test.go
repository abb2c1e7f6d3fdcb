package cli

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"msg"
	"msg/internal/text"
)

func TestJSONLine(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"ascii", "bob", `"bob"`},
		{"letters stay", "Größe 測試 \U0001F600", "\"Größe 測試 \U0001F600\""},
		{"HTML is not escaped", "<a> & b", `"<a> & b"`},
		{"quotes and backslash", `"CORP\bob"`, `"\"CORP\\bob\""`},
		{"line break and tab", "a\n\tb", `"a\n\tb"`},
		{"escape sequence", "\x1b[2J\a", `"\u001b[2J\u0007"`},
		{"DEL", "\x7f", `"\u007f"`},
		{"C1", "\u009b31m", `"\u009b31m"`},
		{"bidi", "\u202egnp.exe\u2066\u061c", `"\u202egnp.exe\u2066\u061c"`},
		{"zero width", "pay\u200bpal\ufeff\u200d", `"pay\u200bpal\ufeff\u200d"`},
		{"line separator", "a\u2028b\u2029", `"a\u2028b\u2029"`},
		{"tags are two units", "a\U000E0041\U000E007F", `"a\udb40\udc41\udb40\udc7f"`},
		{"private use", "\ue000\U000F0000", `"\ue000\udb80\udc00"`},
		{"letters that show nothing", "\u3164\u115f\u034f", `"\u3164\u115f\u034f"`},
		{"not UTF-8", "b\xf6b", `"b\ufffdb"`},
	} {
		got, err := JSONLine(c.in)
		if err != nil || got != c.want+"\n" {
			t.Errorf("%s: JSONLine(%q) = %s, %v; want %s", c.name, c.in, got, err, c.want)
			continue
		}
		checkJSONLine(t, got, strings.ToValidUTF8(c.in, "\ufffd"))
	}
}

// checkJSONLine holds that the line is plain text and means the value.
func checkJSONLine(t *testing.T, line, want string) {
	t.Helper()
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		t.Errorf("not one line: %q", line)
	}
	for _, r := range line {
		if one := string(r); text.Plain(one) != one {
			t.Errorf("%q holds %U", line, r)
		}
	}
	var back string
	if err := json.Unmarshal([]byte(line), &back); err != nil || back != want {
		t.Errorf("%q is read as %q, %v; want %q", line, back, err, want)
	}
}

func TestJSONLineSession(t *testing.T) {
	s := msg.Session{Host: "web1", ID: "3", Name: "pts/3", User: "eve\u202e\x1b[m", Kind: msg.KindTerminal, State: msg.StateActive, Idle: msg.IdleUnknown}
	got, err := JSONLine(s)
	want := `{"host":"web1","id":"3","name":"pts/3","user":"eve\u202e\u001b[m","kind":"terminal","state":"active","type":"",` +
		`"idle_seconds":null,"since":null,"source":"","console":false,"own":false}` + "\n"
	if err != nil || got != want {
		t.Errorf("JSONLine = %s, %v; want %s", got, err, want)
	}
	var back msg.Session
	if err := json.Unmarshal([]byte(got), &back); err != nil || back != s {
		t.Errorf("read as %+v, %v", back, err)
	}
}

func TestJSONLineError(t *testing.T) {
	if line, err := JSONLine(math.NaN()); err == nil || line != "" {
		t.Errorf("JSONLine(NaN) = %q, %v", line, err)
	}
}

func FuzzJSONLine(f *testing.F) {
	for _, s := range []string{"bob", "\x1b[2J", "\u009b", "\u202e", "\U000E0041", "\u2028", "\ud7ff\ue000\uffff", "\xff", `\u202e`, "<>&\x7f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line, err := JSONLine(s)
		if err != nil {
			t.Fatalf("JSONLine(%q): %v", s, err)
		}
		if utf8.ValidString(s) {
			checkJSONLine(t, line, s)
		}
	})
}
