// Package console is what a command has to do about characters and dates on
// Windows, where neither is the same everywhere: a file or a pipe holds text in
// the code page of the console, and each person has date formats of their own.
// Elsewhere it does nothing: text is UTF-8, and the environment has the locale.
//
// It promises that a character which a code page does not have becomes a
// question mark and never one that a terminal acts on. Start with Output and
// Input.
package console

import (
	"bytes"
	"io"
	"strings"
	"unicode"

	"msg/internal/text"
)

// writer writes text in a code page, with the line ends of Windows.
type writer struct {
	w      io.Writer
	encode func(string) []byte
}

// Write takes whole characters in UTF-8, which the commands write. The count it
// returns is of these.
func (w writer) Write(b []byte) (int, error) {
	out := w.encode(strings.ReplaceAll(strings.ToValidUTF8(string(b), "\ufffd"), "\n", "\r\n"))
	if _, err := w.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// harmless takes out what a code page has put in the place of a printable
// character, and a terminal would act on: code page 437 has the arrow U+2190 in
// the place of escape, and the bullet U+2022 in that of the bell.
func harmless(encoded []byte) []byte {
	for i, c := range encoded {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			encoded[i] = '?'
		}
	}
	return encoded
}

// ascii writes what is ASCII, and a question mark for the rest.
func ascii(s string) []byte {
	return []byte(strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, s))
}

// decodeInput makes UTF-8 of what was read from a file or a pipe. A byte order
// mark says what it is; then it is left as it is. ^Z ends it, as in a file of
// DOS.
func decodeInput(b []byte, decode func([]byte) string) []byte {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(b, []byte(mark)) {
			return b
		}
	}
	b, _, _ = bytes.Cut(b, []byte{0x1a})
	return []byte(decode(b))
}

// date makes one line of a date and a time as the system has formatted them,
// which may hold marks of the direction of writing, and blanks that do not break
// lines: en-US has U+202F in front of PM. Most code pages have neither, so that
// question marks would stand there; a plain blank is in all of them.
func date(day, clock string) string {
	visible := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, day+" "+clock)
	return text.Line(strings.Join(strings.Fields(visible), " "))
}
