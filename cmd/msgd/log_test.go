package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"testing"
)

// TestLog writes a line of each level in each format. What people choose
// cannot make a line of its own.
func TestLog(t *testing.T) {
	write := func(format string) []string {
		var b bytes.Buffer
		log := newLog(&b, format, slog.LevelInfo)
		log.Debug("not shown")
		log.With("user", "bob\n<0>fake").Info("message sent")
		log.Warn("a", "error", "b c")
		log.WithGroup("g").Error("d", "e", 1)
		return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	}
	for format, want := range map[string][]string{
		"text": {
			`^time=\S+ level=INFO msg="message sent" user="bob\\n<0>fake"$`,
			`^time=\S+ level=WARN msg=a error="b c"$`,
			`^time=\S+ level=ERROR msg=d g.e=1$`,
		},
		"journal": {`^<6>msg="message sent" user="bob\\n<0>fake"$`, `^<4>msg=a error="b c"$`, `^<3>msg=d g.e=1$`},
	} {
		got := write(format)
		if len(got) != len(want) {
			t.Fatalf("%s: %q", format, got)
		}
		for i := range want {
			if !regexp.MustCompile(want[i]).MatchString(got[i]) {
				t.Errorf("%s: %q does not match %s", format, got[i], want[i])
			}
		}
	}
	for _, line := range write("json") {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil || v["level"] == nil {
			t.Errorf("json: %q: %v", line, err)
		}
	}
	if got := write(""); !strings.HasPrefix(got[0], "time=") {
		t.Errorf("without a format, and without journald: %q", got[0])
	}
}
