package host

import (
	"io"
	"time"
	"unicode"
)

// key is what was pressed: a letter in lower case, or one of those below.
type key rune

// Keys that are no letters.
const (
	keyEnter key = -iota - 1
	keyEscape
	keyNext
	keyBack
	keyOther
)

// escapePause is how long to wait for the rest of a key that begins like
// Escape. What tmux sends for one key it sends at once.
const escapePause = 50 * time.Millisecond

// keys reads what is typed into a popup, until it is closed.
func keys(in io.Reader) <-chan key {
	pressed, typed := make(chan key), make(chan byte)
	go func() {
		defer close(typed)
		buf := make([]byte, 1)
		for {
			if _, err := in.Read(buf); err != nil {
				return
			}
			typed <- buf[0]
		}
	}()
	go func() {
		defer close(pressed)
		for b := range typed {
			pressed <- decodeKey(b, typed)
		}
	}()
	return pressed
}

// decodeKey reads the rest of the key that begins with b.
func decodeKey(b byte, typed <-chan byte) key {
	switch b {
	case '\r', '\n', ' ':
		return keyEnter
	case '\t':
		return keyNext
	case 'q', 0x03: // and Ctrl-C
		return keyEscape
	case 0x1b:
		return decodeEscape(typed)
	}
	return key(unicode.ToLower(rune(b)))
}

// decodeEscape reads what follows an Escape: nothing, or a sequence of ECMA-48,
// which has parameters and then a final byte.
func decodeEscape(typed <-chan byte) key {
	first, ok := soon(typed)
	if !ok {
		return keyEscape
	}
	if first != '[' && first != 'O' {
		return keyOther // a key with Alt
	}
	final, ok := soon(typed)
	for ok && (final < 0x40 || final > 0x7e) {
		final, ok = soon(typed)
	}
	switch final {
	case 'B', 'C', 'I': // down, right
		return keyNext
	case 'A', 'D', 'Z': // up, left, Tab with Shift
		return keyBack
	}
	return keyOther
}

// soon returns a byte that comes at once.
func soon(typed <-chan byte) (byte, bool) {
	select {
	case b, ok := <-typed:
		return b, ok
	case <-time.After(escapePause):
		return 0, false
	}
}
