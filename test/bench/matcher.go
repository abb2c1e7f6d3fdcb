package main

import "bytes"

// A matcher finds a token in a stream that arrives in pieces.
type matcher struct {
	tail []byte // the end of what was fed, shorter than the token
}

// feed adds a piece and tells whether the token is complete.
func (m *matcher) feed(token, piece []byte) bool {
	m.tail = append(m.tail, piece...)
	found := bytes.Contains(m.tail, token)
	if keep := len(token) - 1; len(m.tail) > keep {
		m.tail = append(m.tail[:0], m.tail[len(m.tail)-keep:]...)
	}
	return found
}

// reset forgets what was fed.
func (m *matcher) reset() { m.tail = m.tail[:0] }
