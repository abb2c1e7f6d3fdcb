package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"msg"
	"msg/internal/text"
)

// Limits of what is read. They bound memory; the message itself has the
// limit msg.MaxText.
const (
	MaxInput      = 32 << 10 // bytes of a message before decoding
	MaxListFile   = 1 << 20  // bytes of a recipient or host file
	MaxRecipients = 10_000   // selectors in one command
)

// Words makes the message out of the words of the command line.
func Words(words []string) (text string, replaced int, err error) {
	joined := strings.Join(words, " ")
	if len(joined) > MaxInput {
		return "", 0, tooLong(len(joined))
	}
	return finish(joined)
}

// Stdin makes the message out of what was read from standard input: a byte
// order mark is heeded, ^Z ends it as it does on Windows, and one newline at
// the end is dropped. b may be one byte longer than MaxInput, to show that
// there was more.
func Stdin(b []byte) (text string, replaced int, err error) {
	if len(b) > MaxInput {
		return "", 0, fmt.Errorf("%w: more than %d bytes came from standard input, the limit of the text is %d", msg.ErrMessage, MaxInput, msg.MaxText)
	}
	s, _, _ := strings.Cut(decode(b), "\x1a")
	return finish(strings.TrimSuffix(newlines(s), "\n"))
}

// Title makes a title out of what was given: valid UTF-8 in one line. Of
// nothing but blanks it makes none.
func Title(s string) string {
	lines := strings.FieldsFunc(strings.ToValidUTF8(s, "\ufffd"), func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.TrimSpace(strings.Join(lines, " "))
}

// tooLong is the error of a message on the command line that is over the
// input limit; finish has the other one.
func tooLong(n int) error {
	return fmt.Errorf("%w: it has %d bytes, the limit is %d", msg.ErrMessage, n, msg.MaxText)
}

// finish turns ^n into line breaks and makes the text valid UTF-8; replaced
// counts the places that were not.
func finish(s string) (string, int, error) {
	valid, replaced := toValid(newlines(lineBreaks(s)))
	if strings.TrimSpace(text.Plain(valid)) == "" { // as it is shown
		return "", 0, fmt.Errorf("%w: it is empty", msg.ErrMessage)
	}
	if len(valid) > msg.MaxText {
		return "", 0, tooLong(len(valid))
	}
	return valid, replaced, nil
}

// lineBreaks turns ^n into a newline and ^^n into ^n.
func lineBreaks(s string) string {
	return strings.NewReplacer("^^n", "^n", "^n", "\n").Replace(s)
}

// newlines makes any line end a newline, as text.Plain does.
func newlines(s string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
}

// toValid replaces each run of bytes that is not UTF-8.
func toValid(s string) (string, int) {
	if utf8.ValidString(s) {
		return s, 0
	}
	valid := strings.ToValidUTF8(s, "\ufffd")
	return valid, strings.Count(valid, "\ufffd") - strings.Count(s, "\ufffd")
}

// decode reads UTF-8, or UTF-16 in either order if a byte order mark says so.
func decode(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		return string(b[3:])
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return decodeUTF16(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return decodeUTF16(b[2:], binary.BigEndian)
	}
	return string(b)
}

func decodeUTF16(b []byte, order binary.ByteOrder) string {
	units := make([]uint16, 0, len(b)/2+1)
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	if len(b) == 1 {
		units = append(units, 0xfffd) // half a unit: the file was cut
	}
	return string(utf16.Decode(units))
}

// Recipients expands the recipient argument. Files are read by read, "-"
// being standard input. What could be read is returned even when something
// else failed: a wrong file must not keep the others from the message.
func Recipients(list string, read func(name string) ([]byte, error)) (msg.Target, []error) {
	var words []string
	var errs []error
	for _, item := range strings.Split(list, ",") {
		item = strings.TrimSpace(item)
		name, isFile := strings.CutPrefix(item, "@")
		if !isFile {
			words = append(words, item)
			continue
		}
		fromFile, err := listFile(name, read)
		if err != nil {
			errs = append(errs, fmt.Errorf("recipients from %s: %w", quote(name), err))
		}
		words = append(words, fromFile...)
	}
	if len(words) > MaxRecipients {
		return nil, append(errs, fmt.Errorf("there are %d recipients, the limit is %d", len(words), MaxRecipients))
	}
	var target msg.Target
	for _, w := range words {
		// A name from a file may hold bytes that are not UTF-8; it then fits
		// nobody, and is reported.
		if w != "" {
			target = append(target, msg.ParseSelector(strings.ToValidUTF8(w, "\ufffd")))
		}
	}
	if len(target) == 0 && len(errs) == 0 {
		errs = append(errs, msg.ErrTarget)
	}
	return target, errs
}

var errNoHost = errors.New("no host is named")

// Hosts expands the values of /server the same way.
func Hosts(servers []string, read func(name string) ([]byte, error)) ([]string, []error) {
	var hosts []string
	var errs []error
	for _, s := range servers {
		s = strings.TrimSpace(s)
		name, isFile := strings.CutPrefix(s, "@")
		if !isFile {
			if s != "" {
				hosts = append(hosts, s)
			}
			continue
		}
		fromFile, err := listFile(name, read)
		if err != nil {
			errs = append(errs, fmt.Errorf("hosts from %s: %w", quote(name), err))
		}
		hosts = append(hosts, fromFile...)
	}
	if len(servers) > 0 && len(hosts) == 0 && len(errs) == 0 {
		errs = append(errs, errNoHost)
	}
	return hosts, errs
}

var errNoName = errors.New("the name of the file is missing")

// listFile reads the words of one file.
func listFile(name string, read func(string) ([]byte, error)) ([]string, error) {
	if name == "" {
		return nil, errNoName
	}
	b, err := read(name)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxListFile {
		return nil, fmt.Errorf("it is longer than the limit of %d bytes", MaxListFile)
	}
	return ParseList(b)
}

// ReadList reads a recipient or host file, or as much of it as shows that it
// is too long.
func ReadList(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, MaxListFile+1)) }

// ReadListFile is ReadList for a file, or for standard input where the name is "-",
// until ctx ends.
func ReadListFile(ctx context.Context, name string, stdin func() ([]byte, error)) ([]byte, error) {
	return Await(ctx, func() ([]byte, error) {
		if name == "-" {
			return stdin()
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return ReadList(f)
	})
}

// Await returns what read returns, or the error of ctx when that ends: a read
// from a terminal or a pipe cannot be ended from outside, so it is left behind
// for the process to take along.
func Await(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		b   []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		b, err := read()
		done <- result{b, err}
	}()
	select {
	case r := <-done:
		return r.b, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ParseList reads the words of a recipient or host file: UTF-8 or UTF-16 with
// a byte order mark, any line ends, separated by blanks or commas, # at the
// start of a word begins a comment, "John Smith" in quotes is one word.
//
// What a line has in front of a mistake, and the other lines, are returned
// with the error.
func ParseList(b []byte) ([]string, error) {
	var words []string
	var errs []error
	for i, line := range strings.Split(newlines(decode(b)), "\n") {
		more, err := listLine(line)
		if err != nil && len(errs) < maxListErrors {
			errs = append(errs, fmt.Errorf("line %d: %w", i+1, err))
		}
		words = append(words, more...)
	}
	return words, errors.Join(errs...)
}

// maxListErrors is how many wrong lines of a file are told of.
const maxListErrors = 3

var (
	errQuote  = errors.New("a quote is not closed")
	errNested = errors.New("a file cannot name another file")
)

func listLine(line string) (words []string, err error) {
	for {
		line = strings.TrimLeft(line, " \t,\f\v\x00\x1a")
		if line == "" || line[0] == '#' {
			return words, nil
		}
		if line[0] == '@' {
			return words, errNested
		}
		if line[0] == '"' {
			word, rest, closed := strings.Cut(line[1:], `"`)
			if !closed {
				return words, errQuote
			}
			if word != "" {
				words = append(words, word)
			}
			line = rest
			continue
		}
		end := strings.IndexAny(line, " \t,\f\v\x00\x1a")
		if end < 0 {
			end = len(line)
		}
		words, line = append(words, line[:end]), line[end:]
	}
}
