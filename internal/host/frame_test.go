package host

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"msg"
	"msg/internal/text"
)

func sample(title, body string) msg.Message {
	return msg.Message{From: "root@web1", Title: title, Text: body, Sent: time.Date(2026, 11, 23, 9, 15, 0, 0, time.Local)}
}

// question is a message that waits.
func question(b msg.Buttons) msg.Message {
	m := sample("Message from root@web1 09:15", "Lunch?")
	m.ID, m.Wait, m.Buttons = "01M86N6FEZRRTRDJY0ZEK2M9QX", true, b
	return m
}

func again(m msg.Message) msg.Message {
	m.Again = true
	return m
}

func TestFrame(t *testing.T) {
	for _, c := range []struct {
		name    string
		m       msg.Message
		columns int
		want    string
	}{
		{"usual title", sample("Message from root@web1 09:15", "Meeting in 5 minutes"), 41, `
┌─ Message from root@web1 09:15 ─┐
│ Meeting in 5 minutes           │
└────────────────────────────────┘
`},
		{"no title", sample("", "Meeting"), 60, `
┌─ Message from root@web1 2026-11-23 09:15 ─┐
│ Meeting                                   │
└───────────────────────────────────────────┘
`},
		{"title of the sender's choice names the sender", sample("Wartung", "Größe 測試"), 50, `
┌─ Wartung ──────────────────────────┐
│ Größe 測試                         │
└─ from root@web1, 2026-11-23 09:15 ─┘
`},
		{"title that pretends to be somebody else", sample("Message from boss@web1 09:15", "Go home"), 50, `
┌─ Message from boss@web1 09:15 ─────┐
│ Go home                            │
└─ from root@web1, 2026-11-23 09:15 ─┘
`},
		{"long title goes inside", sample("A title that is longer than the block is wide", "text"), 30, `
┌────────────────────────┐
│ A title that is longer │
│ than the block is wide │
│ text                   │
│ from root@web1,        │
│ 2026-11-23 09:15       │
└────────────────────────┘
`},
		{"escapes", sample("\x1b]0;x\a", "\x1b[2J\u202eevil\nnext line"), 50, `
┌─ ^[]0;x^G ─────────────────────────┐
│ ^[[2J<U+202E>evil                  │
│ next line                          │
└─ from root@web1, 2026-11-23 09:15 ─┘
`},
		{"too narrow for a border", sample("Message from root@web1 09:15", "Meeting in 5 minutes"), 13, `
Message from
root@web1
09:15
Meeting in 5
minutes
`},
		{"one that waits", question(""), 60, `
┌─ Message from root@web1 09:15 ──────┐
│ Lunch?                              │
│                                     │
│ Answer with: msg /ok                │
│ In another terminal: msg /ok:K2M9QX │
└─────────────────────────────────────┘
`},
		{"a question", question(msg.ButtonsYesNoCancel), 80, `
┌─ Message from root@web1 09:15 ─────────────────────────────────────┐
│ Lunch?                                                             │
│                                                                    │
│ Answer with: msg /answer:yes, msg /answer:no or msg /answer:cancel │
│ In another terminal: msg /answer:yes:K2M9QX                        │
└────────────────────────────────────────────────────────────────────┘
`},
		{"shown again", again(sample("Message from root@web1 09:15", "Meeting")), 60, `
┌─ Message from root@web1 09:15 (shown again) ─┐
│ Meeting                                      │
└──────────────────────────────────────────────┘
`},
		{"a title shown again", again(sample("Wartung", "Meeting")), 60, `
┌─ Wartung (shown again) ────────────┐
│ Meeting                            │
└─ from root@web1, 2026-11-23 09:15 ─┘
`},
	} {
		got := string(newFrames(c.m).forColumns(c.columns))
		want := "\a" + strings.ReplaceAll(c.want, "\n", "\r\n")
		if got != want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, want)
		}
	}
}

func TestFramesAreMadeOnce(t *testing.T) {
	f := newFrames(sample("", "x"))
	a, b := f.forColumns(100), f.forColumns(200)
	if &a[0] != &b[0] {
		t.Error("two terminals of the same effective width got two blocks")
	}
}

// FuzzFrame holds that whatever is in a message, the terminal gets plain text:
// our bell, CR LF and nothing else that is not graphic, no line too wide.
func FuzzFrame(f *testing.F) {
	f.Add("title", "text", "root", 80)
	f.Add("a terminal of two columns", "0", "0", 2)
	f.Add("\x1b[2J", "\u009b\x9b\r\a\x1b]52;c;x\a", "\u202e", 20)
	f.Add(strings.Repeat("t", 256), "測試\t\u200b", "a\nb", 5)
	f.Fuzz(func(t *testing.T, title, body, from string, columns int) {
		columns = columns & 0x1ff
		m := sample(title, body)
		m.From = from
		m.Wait, m.Again, m.ID = columns&1 == 1, columns&2 == 2, title
		b := string(newFrames(m).forColumns(columns))
		if !utf8.ValidString(b) || !strings.HasPrefix(b, "\a\r\n") || strings.Count(b, "\a") != 1 {
			t.Fatalf("block %q", b)
		}
		for _, line := range strings.Split(b[1:], "\r\n") {
			if text.Line(line) != line {
				t.Fatalf("the line %q is not plain", line)
			}
			if w := text.Width(line); w >= max(columns, 2) && w > 2 {
				t.Fatalf("the line %q has %d cells on %d columns", line, w, columns)
			}
		}
	})
}
