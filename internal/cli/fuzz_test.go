package cli

import (
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"msg"
	"msg/internal/text"
)

// The arguments of a command line as one string, for the fuzzer.
const argSeparator = "\x00"

func joinArgs(args ...string) string { return strings.Join(args, argSeparator) }

func FuzzParseMsg(f *testing.F) {
	f.Add(joinArgs("bob", "hello", "/w"))
	f.Add(joinArgs(" ", "/c")) // a recipient of blanks is none
	f.Add(joinArgs("bob", "/w", "--", "/etc", "is", "full"))
	f.Add(joinArgs("*", "/server:web1,web2", "/TIME:90s", "/v:Title", "text"))
	f.Add(joinArgs("--time", "60", "--title", "a b", "bob"))
	f.Add(joinArgs("-buttons=YesNo", "@list.txt,bob:2", "^n"))
	f.Add(joinArgs("/server:web1", "bob", "/etc", "it's", "$full"))
	f.Add(joinArgs("/?", "-h", "--version", "/ok:1", "/answer:yes"))
	f.Add(joinArgs("/dnd", "until", "17:00"))
	f.Add(joinArgs("--dnd:until 2026-11-25 08:00", "/json"))
	f.Add(joinArgs("/answer:yes:5DTB4K", "/v"))
	f.Add(joinArgs("/queue:7d", "bob", "hi"))
	f.Add(joinArgs("", "-", "/", "--", "---w", "/:x", "--=", "\xff", "\x1b[2J"))
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, argSeparator)
		m, err := ParseMsg(args)
		if err != nil {
			checkUsage(t, err)
			checkHint(t, args, err)
			return
		}
		if from := len(args) - len(m.Words); !slices.Equal(args[from:], m.Words) {
			t.Fatalf("ParseMsg(%q): words %q are not the end of the line", args, m.Words)
		}
		if m.Time < 0 || m.Time > maxTime*time.Second {
			t.Fatalf("ParseMsg(%q): time %v", args, m.Time)
		}
		if m.Recipient == "" && !m.Help && !m.Version && m.Do == DoSend {
			t.Fatalf("ParseMsg(%q): no recipient and no error", args)
		}
		if d, err := m.DND.At(time.Now()); err == nil && !d.Until.IsZero() && !d.Until.After(time.Now()) {
			t.Fatalf("ParseMsg(%q): do not disturb until %v", args, d.Until)
		}
		checkSpellings(t, args[0])
	})
}

// checkUsage holds that an error is a UsageError whose lines are plain text.
func checkUsage(t *testing.T, err error) {
	t.Helper()
	var usage *UsageError
	if !errors.As(err, &usage) || usage.Reason == "" {
		t.Fatalf("%v is not a UsageError with a reason", err)
	}
	if lines := UsageLines("msg", err); text.Plain(lines) != lines {
		t.Fatalf("not plain text: %q", lines)
	}
}

// checkHint holds that a hint which keeps the words of the line, pasted into
// a shell, makes them the message.
func checkHint(t *testing.T, args []string, err error) {
	t.Helper()
	var usage *UsageError
	if !errors.As(err, &usage) || usage.Reason != "is not an option" || usage.Hint == "" {
		return
	}
	for _, a := range args {
		if text.Line(a) != a {
			return // cannot be shown as it is
		}
	}
	again := shellWords(text.Line(usage.Hint))
	m, err := ParseMsg(again[1:])
	if err != nil {
		t.Fatalf("the hint for %q is wrong too: %s: %v", args, usage.Hint, err)
	}
	if from := len(args) - len(m.Words); from < 0 || !slices.Equal(args[from:], m.Words) || !slices.Equal(slices.Delete(again[1:], from, from+1), args) {
		t.Fatalf("the hint for %q changes it: %s", args, usage.Hint)
	}
}

// checkSpellings holds that an option means the same in each of the ways that
// the help shows, before and behind the recipient.
func checkSpellings(t *testing.T, value string) {
	t.Helper()
	for _, name := range []string{optTitle, optServer, optTime, optButtons} {
		want, wantErr := ParseMsg([]string{"/" + name + ":" + value, "bob", "hi"})
		for _, words := range spellings(name, value, true) {
			for _, args := range [][]string{append(slices.Clone(words), "bob", "hi"), append(append([]string{"bob"}, words...), "hi")} {
				got, err := ParseMsg(args)
				if value != "" && ((err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want)) {
					t.Fatalf("ParseMsg(%q) = %+v, %v; want %+v, %v", args, got, err, want, wantErr)
				}
			}
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add("query", joinArgs("session", "pts/3", "/server:web1", "/counter"))
	f.Add("query", joinArgs("--json", "USER", "--", "-bob"))
	f.Add("qwinsta", joinArgs("console"))
	f.Add("quser.exe", joinArgs("/?"))
	f.Add("query", joinArgs("", "a", "b", "-", "\xff"))
	f.Fuzz(func(t *testing.T, name, line string) {
		args := strings.Split(line, argSeparator)
		q, err := ParseQuery(name, args)
		if err != nil {
			checkUsage(t, err)
			return
		}
		known := q.Kind == QuerySession || q.Kind == QueryUser || q.Kind == QueryMessage
		if !known && !q.Help && !q.Version {
			t.Fatalf("ParseQuery(%q, %q): kind %q", name, args, q.Kind)
		}
		if q.Filter != "" && !slices.Contains(args, q.Filter) {
			t.Fatalf("ParseQuery(%q, %q): filter %q is not a word of the line", name, args, q.Filter)
		}
		Filter(q, []msg.Session{{ID: "1", Name: "pts/1", User: "bob"}})
		if l := NoneLine(q.Kind, q.Filter); text.Line(l) != l {
			t.Fatalf("not plain text: %q", l)
		}
	})
}

func FuzzParseList(f *testing.F) {
	for _, s := range []string{"bob\nalice # x\r\n", "rdp-tcp#3", `"John Smith",bob`, "@x", `"`, "\xff\xfeb\x00", "\xef\xbb\xbfb", "\xfe\xff\x00b\x00", "a\x1ab\x00", "a\rb", `""""`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		words, err := ParseList(b)
		if err != nil {
			if !errors.Is(err, errQuote) && !errors.Is(err, errNested) {
				t.Fatalf("ParseList(%q) = %q, %v", b, words, err)
			}
			return
		}
		var quoted strings.Builder
		for _, w := range words {
			if w == "" || strings.ContainsAny(w, "\r\n") {
				t.Fatalf("ParseList(%q) has the word %q", b, w)
			}
			if strings.Contains(w, `"`) {
				quoted.WriteString(w + " ") // a word that only has a quote inside
			} else {
				quoted.WriteString(`"` + w + "\" # comment\r\n")
			}
		}
		for _, form := range [][]byte{[]byte("\xef\xbb\xbf" + quoted.String()), inUTF16(binary.BigEndian, quoted.String())} {
			if !utf8.ValidString(quoted.String()) && form[0] != 0xef {
				continue // UTF-16 has no room for it
			}
			if again, err := ParseList(form); err != nil || !slices.Equal(again, words) {
				t.Fatalf("ParseList(%q) = %q, %v; want %q of %q", form, again, err, words, b)
			}
		}
		target, errs := Recipients("@list", func(string) ([]byte, error) { return b, nil })
		if len(target) == 0 && len(errs) == 0 {
			t.Fatalf("Recipients(%q): nobody and no error", b)
		}
		for _, s := range target {
			if !utf8.ValidString(s.String()) {
				t.Fatalf("Recipients(%q): %q is not UTF-8", b, s)
			}
		}
	})
}

func FuzzStdin(f *testing.F) {
	for _, s := range []string{"hello\n", "a\r\nb\r", "a^nb^^nc", "\x1a", "\xef\xbb\xbfx", "\xff\xfex\x00", "\xfe\xff\x00x\x00", "a\xff\ufffd", " \t", "\r^n\r\r\n", "\u00a0"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, read := range []func([]byte) (string, int, error){Stdin, func(b []byte) (string, int, error) { return Words(strings.Split(string(b), " ")) }} {
			s, replaced, err := read(b)
			if err != nil {
				if !errors.Is(err, msg.ErrMessage) || s != "" {
					t.Fatalf("%q: %q, %v", b, s, err)
				}
				continue
			}
			m := msg.Message{Text: s}
			if err := m.Check(); err != nil {
				t.Fatalf("%q makes %q, which cannot be sent: %v", b, s, err)
			}
			if strings.Contains(s, "\r") || strings.TrimSpace(s) == "" {
				t.Fatalf("%q makes %q", b, s)
			}
			if replaced < 0 || replaced > strings.Count(s, "\ufffd") {
				t.Fatalf("%q makes %q with %d replacements", b, s, replaced)
			}
		}
	})
}
