package cli

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"msg"
)

// inUTF16 is s with a byte order mark, as Windows' editors and PowerShell
// write it.
func inUTF16(order binary.AppendByteOrder, s string) []byte {
	b := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		name     string
		words    []string
		want     string
		replaced int
	}{
		{"one", []string{"hello"}, "hello", 0},
		{"joined with one space", []string{"Meeting", "in", "5", "minutes"}, "Meeting in 5 minutes", 0},
		{"spaces inside stay", []string{"a  b", "", "c "}, "a  b  c ", 0},
		{"line break", []string{"one^ntwo", "^n", "three"}, "one\ntwo \n three", 0},
		{"no line break", []string{"a^^nb"}, "a^nb", 0},
		{"carets", []string{"^^^n ^^ ^ ^N ^^^^n"}, "^^n ^^ ^ ^N ^^^n", 0},
		{"a backslash is text", []string{`C:\new`}, `C:\new`, 0},
		{"a real newline", []string{"a\nb\n"}, "a\nb\n", 0},
		{"a here-string of PowerShell", []string{"a\r\nb\rc"}, "a\nb\nc", 0},
		{"not UTF-8", []string{"Gr\xfc\xdfe", "\xff"}, "Gr\ufffde \ufffd", 2},
		{"a replacement character is no error", []string{"a\ufffdb\xff"}, "a\ufffdb\ufffd", 1},
		{"control characters are not touched here", []string{"\x1b[2J\a"}, "\x1b[2J\a", 0},
	} {
		got, replaced, err := Words(c.words)
		if err != nil || got != c.want || replaced != c.replaced {
			t.Errorf("%s: Words(%q) = %q, %d, %v; want %q, %d", c.name, c.words, got, replaced, err, c.want, c.replaced)
		}
	}
}

func TestStdin(t *testing.T) {
	for _, c := range []struct {
		name     string
		in       []byte
		want     string
		replaced int
	}{
		{"one line", []byte("hello\n"), "hello", 0},
		{"no newline", []byte("hello"), "hello", 0},
		{"one newline is dropped", []byte("hello\n\n"), "hello\n", 0},
		{"line breaks are kept", []byte("\na\n\nb\n"), "\na\n\nb", 0},
		{"CRLF", []byte("a\r\n\r\nb\r\n"), "a\n\nb", 0},
		{"CR", []byte("a\rb\r"), "a\nb", 0},
		{"CR before a line break", []byte("a\r^nb"), "a\n\nb", 0},
		{"line break", []byte("a^nb^^nc\n"), "a\nb^nc", 0},
		{"^Z ends", []byte("a\r\n\x1ab"), "a", 0},
		{"UTF-8 with BOM", []byte("\xef\xbb\xbfGröße\n"), "Größe", 0},
		{"UTF-16 LE", inUTF16(binary.LittleEndian, "Größe 測試 \U0001F600\r\n"), "Größe 測試 \U0001F600", 0},
		{"UTF-16 BE", inUTF16(binary.BigEndian, "Größe 測試 \U0001F600\r\n\x1a"), "Größe 測試 \U0001F600", 0},
		{"UTF-16 that was cut", inUTF16(binary.LittleEndian, "abc")[:7], "ab\ufffd", 0},
		{"UTF-16 with half a pair", []byte("\xff\xfea\x00\x00\xd8b\x00"), "a\ufffdb", 0},
		{"not UTF-8", []byte("a\xffb\xff\xfec\n"), "a\ufffdb\ufffdc", 2},
	} {
		got, replaced, err := Stdin(c.in)
		if err != nil || got != c.want || replaced != c.replaced {
			t.Errorf("%s: Stdin(%q) = %q, %d, %v; want %q, %d", c.name, c.in, got, replaced, err, c.want, c.replaced)
		}
	}
}

// TestTextLimits goes over the limits and one byte below.
func TestTextLimits(t *testing.T) {
	type source func(string) (string, int, error)
	words := func(s string) (string, int, error) { return Words(strings.SplitAfter(s, "~")) }
	stdin := func(s string) (string, int, error) { return Stdin([]byte(s)) }
	utf16le := func(s string) (string, int, error) { return Stdin(inUTF16(binary.LittleEndian, s)) }
	for _, c := range []struct {
		name string
		from source
		in   string
		want []string // parts of the error; nil if it is a message
	}{
		{"8192 bytes in words", words, strings.Repeat("x", 8192), nil},
		{"8193 bytes in words", words, strings.Repeat("x", 8193), []string{"8193 bytes", "the limit is 8192"}},
		{"8192 bytes with the spaces", words, strings.Repeat("x~", 2730) + "xy", nil},
		{"8193 bytes with the spaces", words, strings.Repeat("x~", 2730) + "xyz", []string{"8193 bytes", "the limit is 8192"}},
		{"40000 bytes in words", words, strings.Repeat("x", 40000), []string{"40000 bytes", "the limit is 8192"}},
		{"8192 bytes on stdin", stdin, strings.Repeat("é", 4096) + "\n", nil},
		{"8193 bytes on stdin", stdin, "x" + strings.Repeat("é", 4096) + "\n", []string{"8193 bytes", "the limit is 8192"}},
		{"32768 bytes on stdin", stdin, strings.Repeat("x", 32768), []string{"32768 bytes", "the limit is 8192"}},
		{"32769 bytes on stdin", stdin, strings.Repeat("x", 32769), []string{"more than 32768 bytes", "8192"}},
		{"32768 bytes, most of them behind ^Z", stdin, "hello\x1a" + strings.Repeat("x", 32762), nil},
		{"8192 bytes of ^^n", stdin, strings.Repeat("^^n", 4096), nil},
		{"8192 characters of UTF-16", utf16le, strings.Repeat("x", 8192), nil},
		{"replacements count with three bytes", stdin, strings.Repeat("x", 8190) + "\xff", []string{"8193 bytes"}},
		{"empty word", words, "", []string{"empty"}},
		{"blank words", words, " ", []string{"empty"}},
		{"nothing on stdin", stdin, "", []string{"empty"}},
		{"only line ends", stdin, "\r\n\n \t\n", []string{"empty"}},
		{"only a BOM", stdin, "\xef\xbb\xbf", []string{"empty"}},
		{"only a BOM in UTF-16", utf16le, "", []string{"empty"}},
		{"only what is not shown", words, "\u00ad \u200d", []string{"empty"}},
		{"only line breaks", words, "^n^n", []string{"empty"}},
		{"^Z at once", stdin, "\x1ahello", []string{"empty"}},
	} {
		got, _, err := c.from(c.in)
		if c.want == nil {
			if err != nil || len(got) > 8192 {
				t.Errorf("%s: %d bytes, %v", c.name, len(got), err)
			}
			continue
		}
		if !errors.Is(err, msg.ErrMessage) || got != "" {
			t.Errorf("%s: %q, %v; want an ErrMessage", c.name, got, err)
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q, want %q in it", c.name, err, part)
			}
		}
	}
}

func TestParseList(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"one a line", "bob\nalice\n", []string{"bob", "alice"}},
		{"no newline at the end", "bob", []string{"bob"}},
		{"CRLF and CR", "bob\r\nalice\rcarol\r\n", []string{"bob", "alice", "carol"}},
		{"several a line", "bob alice\tcarol,dave , erin,,\n", []string{"bob", "alice", "carol", "dave", "erin"}},
		{"blank lines", "\n\nbob\n \t\n\nalice", []string{"bob", "alice"}},
		{"comments", "# all\nbob # the boss\nalice #x\n#carol\n  # dave", []string{"bob", "alice"}},
		{"a number sign in a name", "rdp-tcp#3 # not a comment before the blank", []string{"rdp-tcp#3"}},
		{"quotes", `"John Smith" bob "a,b # c" "rdp-tcp#3"#end`, []string{"John Smith", "bob", "a,b # c", "rdp-tcp#3"}},
		{"empty quotes", `"" bob`, []string{"bob"}},
		{"a quote inside a word is text", `bob" alice`, []string{`bob"`, "alice"}},
		{"every form of a selector", "* 42 :2 bob: bob:2 CORP\\bob bob@corp adm* pts/?", []string{"*", "42", ":2", "bob:", "bob:2", `CORP\bob`, "bob@corp", "adm*", "pts/?"}},
		{"UTF-8 with BOM", "\xef\xbb\xbfbob\r\n", []string{"bob"}},
		{"UTF-16 LE", string(inUTF16(binary.LittleEndian, "jörg\r\n\"測 試\"\r\n")), []string{"jörg", "測 試"}},
		{"UTF-16 BE", string(inUTF16(binary.BigEndian, "jörg\r\n\"測 試\"\r\n")), []string{"jörg", "測 試"}},
		{"^Z and NUL are blanks", "bob\r\n\x1a\x00", []string{"bob"}},
	} {
		got, err := ParseList([]byte(c.in))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: ParseList(%q) = %q, %v; want %q", c.name, c.in, got, err, c.want)
		}
	}
}

func TestParseListErrors(t *testing.T) {
	for _, c := range []struct{ name, in, words, want string }{
		{"another file", "bob\n@more.txt", "bob", "line 2: a file cannot name another file"},
		{"another file behind a comma", "bob,@more.txt", "bob", "line 1: a file cannot name another file"},
		{"standard input", "# x\n\n @-\n", "", "line 3: a file cannot name another file"},
		{"an open quote", "bob\r\n\"John Smith\r\nalice", "bob alice", "line 2: a quote is not closed"},
		{"many", "@a\n@b\n@c\n@d\nbob", "bob", "line 1: a file cannot name another file\nline 2: a file cannot name another file\nline 3: a file cannot name another file"},
	} {
		if got, err := ParseList([]byte(c.in)); err == nil || err.Error() != c.want || strings.Join(got, " ") != c.words {
			t.Errorf("%s: ParseList(%q) = %q, %v; want %q", c.name, c.in, got, err, c.want)
		}
	}
}

// files reads from a map what the tests name; a value of "/" is a folder.
type files map[string]string

var errFolder = errors.New("is a directory")

func (f files) read(name string) ([]byte, error) {
	content, ok := f[name]
	switch {
	case !ok:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case content == "/":
		return nil, &fs.PathError{Op: "read", Path: name, Err: errFolder}
	}
	return []byte(content), nil
}

var listFiles = files{
	"team.txt":   "bob # the boss\r\n\"John Smith\"\r\n\r\n:2",
	"-":          "alice\n",
	"empty.txt":  "# nobody\n",
	"bytes.txt":  "b\xf6b\n",
	"nested.txt": "carol\n@team.txt\n",
	"folder":     "/",
	"long.txt":   strings.Repeat("#", MaxListFile+1),
	"full.txt":   strings.Repeat("#", MaxListFile),
	"10000.txt":  strings.Repeat("bob\n", MaxRecipients),
}

func TestRecipients(t *testing.T) {
	for _, c := range []struct {
		list string
		want string   // selectors, joined with |
		errs []string // parts of the errors
	}{
		{"bob", "bob", nil},
		{"John Smith", "John Smith", nil},
		{"bob, alice,,:2", "bob|alice|:2", nil},
		{"@team.txt", "bob|John Smith|:2", nil},
		{"erin,@team.txt,@-", "erin|bob|John Smith|:2|alice", nil},
		{"@bytes.txt", "b\ufffdb", nil},
		{"@full.txt,bob", "bob", nil},
		{"@10000.txt", strings.TrimSuffix(strings.Repeat("bob|", 10000), "|"), nil},
		// A wrong file is an error; the others are kept.
		{"bob,@none.txt,alice", "bob|alice", []string{`recipients from "none.txt": open none.txt: file does not exist`}},
		{"@folder,@team.txt", "bob|John Smith|:2", []string{`recipients from "folder": read folder: is a directory`}},
		{"@nested.txt,bob", "carol|bob", []string{`recipients from "nested.txt": line 2: a file cannot name another file`}},
		{"@long.txt,bob", "bob", []string{`recipients from "long.txt": it is longer than the limit of 1048576 bytes`}},
		{"@,bob", "bob", []string{`recipients from "": the name of the file is missing`}},
		{"@@team.txt", "", []string{`recipients from "@team.txt": open @team.txt: file does not exist`}},
		{"@no\x1bfile", "", []string{`recipients from "no^[file": `}},
		{"@none.txt,@folder", "", []string{"does not exist", "is a directory"}},
		// Nobody.
		{"", "", []string{"no recipient is named"}},
		{" , ,", "", []string{"no recipient is named"}},
		{"@empty.txt", "", []string{"no recipient is named"}},
		{"@10000.txt,bob", "", []string{"there are 10001 recipients, the limit is 10000"}},
	} {
		target, errs := Recipients(c.list, listFiles.read)
		var got []string
		for _, s := range target {
			got = append(got, s.String())
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("Recipients(%q) = %q, want %q", c.list, got, c.want)
		}
		checkErrors(t, fmt.Sprintf("Recipients(%q)", c.list), errs, c.errs)
	}
}

func TestHosts(t *testing.T) {
	for _, c := range []struct {
		servers []string
		want    []string
		errs    []string
	}{
		{nil, nil, nil},
		{[]string{"web1", "web2"}, []string{"web1", "web2"}, nil},
		{[]string{"web1", "", " web2 "}, []string{"web1", "web2"}, nil},
		{[]string{"@team.txt", "web1"}, []string{"bob", "John Smith", ":2", "web1"}, nil},
		{[]string{"@-"}, []string{"alice"}, nil},
		{[]string{"web1", "@none.txt", "web2"}, []string{"web1", "web2"}, []string{`hosts from "none.txt": open none.txt: file does not exist`}},
		{[]string{"@folder"}, nil, []string{`hosts from "folder": read folder: is a directory`}},
		// A server was asked for: none must not turn into this computer.
		{[]string{"", ""}, nil, []string{"no host is named"}},
		{[]string{"@empty.txt"}, nil, []string{"no host is named"}},
	} {
		got, errs := Hosts(c.servers, listFiles.read)
		if !slices.Equal(got, c.want) {
			t.Errorf("Hosts(%q) = %q, want %q", c.servers, got, c.want)
		}
		checkErrors(t, fmt.Sprintf("Hosts(%q)", c.servers), errs, c.errs)
	}
}

func checkErrors(t *testing.T, what string, got []error, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: errors %v, want %q", what, got, want)
		return
	}
	for i, err := range got {
		if !strings.Contains(err.Error(), want[i]) {
			t.Errorf("%s: error %q, want %q in it", what, err, want[i])
		}
	}
}
