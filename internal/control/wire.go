package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Version is the version of the protocol. Any change of a line that an older
// program would not understand makes a new one.
const Version = 1

// Limits of a line, which keep what a stranger sends from filling the memory.
const (
	maxRequest = 1 << 20  // 64 KiB, and room for 10,000 recipients
	maxReply   = 16 << 20 // a record with the receipts of 10,000 sessions
	maxNoise   = 64 << 10 // what a login shell may print before the greeting
)

// errLine is wrapped by the errors of lines that are not of this protocol.
var errLine = errors.New("not a line of the protocol")

// readLine returns the next line without its end. It is valid until the next
// read. A line that is cut off is io.ErrUnexpectedEOF.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = readLong(r, line, limit)
	}
	switch {
	case len(line) > limit:
		return nil, fmt.Errorf("%w: it is longer than %d bytes", errLine, limit)
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	return line[:len(line)-1], nil
}

// readLong goes on with a line that is longer than the reader's buffer.
func readLong(r *bufio.Reader, begun []byte, limit int) ([]byte, error) {
	line := bytes.Clone(begun)
	for len(line) <= limit {
		more, err := r.ReadSlice('\n')
		line = append(line, more...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
	return line, nil
}

// decode reads a line strictly: one JSON value in UTF-8 with the fields that
// are known, and nothing after it.
func decode(line []byte, to any) error {
	if !utf8.Valid(line) {
		return fmt.Errorf("%w: it is not valid UTF-8", errLine)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("%w: %v", errLine, err)
	}
	if rest := bytes.TrimSpace(line[d.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("%w: %d bytes follow it", errLine, len(rest))
	}
	return nil
}

// encode makes a line. It leaves <, > and & as they are, for people who read
// along.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}
