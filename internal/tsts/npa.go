package tsts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"msg/internal/ndr"
)

// smbd hands the pipe of a client to whoever listens on the socket of that name
// in its folder "ncalrpc/np", with a greeting that says who the client is to
// smbd: Samba's named_pipe_auth. It is an internal interface of Samba, whose
// level changes with what is in it: 5 in Samba 4.16 and 4.17.0 to 4.17.7, 7 up to
// 4.19, 8 since 4.20. (Level 6 was in no release.)

// HelloError is a greeting that is not one of smbd's, or of a level that is not
// known here.
type HelloError struct{ text string }

// Error says what was wrong.
func (e *HelloError) Error() string { return e.text }

// Limits of a greeting. A user may be in a thousand groups, and each SID has 68
// bytes at most.
const (
	maxHello  = 256 << 10
	maxSIDs   = 2048
	maxClaims = 0 // they are never read: with any of them the details end there
	maxDetail = 1 << 10
)

// npaMagic begins a greeting and its answer.
const npaMagic = "NPAM"

// Hello is the greeting. It is good for the log: who makes calls is proved once
// more by the calls themselves.
type Hello struct {
	Level                  uint32
	ClientName, ClientAddr string
	ClientPort             uint16
	ServerName, ServerAddr string
	ServerPort             uint16

	// Of the account that smbd knows the client as.
	Domain, Account, UnixName string
	UID                       uint64

	// Details is why the account could not be read, if it could not: what comes
	// then does not depend on it.
	Details error
}

// ReadHello reads a greeting. Its errors are those of r, or a *HelloError.
func ReadHello(r io.Reader) (Hello, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Hello{}, err
	}
	n := binary.BigEndian.Uint32(head[:]) // the one number that is big endian
	if n > maxHello {
		return Hello{}, &HelloError{fmt.Sprintf("the greeting of smbd has %d bytes, the limit is %d", n, maxHello)}
	}
	b := make([]byte, 4+n)
	copy(b, head[:])
	if _, err := io.ReadFull(r, b[4:]); err != nil {
		return Hello{}, err
	}
	return parseHello(b)
}

func parseHello(b []byte) (h Hello, err error) {
	r := ndr.NewReader(b)
	r.Take(4) // the length, from which alignment counts
	magic := r.Take(4)
	level, tag := r.U32(), r.U32()
	switch {
	case r.Err() != nil || string(magic) != npaMagic || tag != level:
		return h, &HelloError{"what connected is not smbd: it does not greet as smbd does"}
	case level != 5 && level != 7 && level != 8:
		return h, &HelloError{fmt.Sprintf("smbd greets with level %d of named_pipe_auth, and 5, 7 and 8 are known here (Samba 4.16 and later): this msgd is too old or too new for it", level)}
	}
	h.Level = level
	h.read(r)
	if r.Err() != nil {
		h.Details = fmt.Errorf("reading the greeting of smbd, level %d: %v", level, r.Err())
	}
	return h, nil
}

func (h *Hello) read(r *ndr.Reader) {
	r.U8() // the transport
	clientName, clientAddr := r.Pointer(), r.Pointer()
	h.ClientPort = r.U16()
	serverName, serverAddr := r.Pointer(), r.Pointer()
	h.ServerPort = r.U16()
	session := r.Pointer()
	if h.Level == 5 {
		r.U8() // need_idle_server
	}
	h.ClientName, h.ClientAddr = string8(r, clientName), string8(r, clientAddr)
	h.ServerName, h.ServerAddr = string8(r, serverName), string8(r, serverAddr)
	if session {
		h.readSession(r)
	}
}

// string8 reads what a pointer points to, if it does.
func string8(r *ndr.Reader, there bool) string {
	if !there {
		return ""
	}
	return r.String8(maxDetail)
}

// skipBlob skips a DATA_BLOB: its length and its bytes.
func skipBlob(r *ndr.Reader) { r.Take(r.Count(maxHello)) }

// readSession reads auth_session_info_transport.
func (h *Hello) readSession(r *ndr.Reader) {
	info := r.Pointer()
	skipBlob(r) // credentials that were delegated
	if !info {
		return
	}
	token, unixToken, user, unixUser := r.Pointer(), r.Pointer(), r.Pointer(), r.Pointer()
	r.Pointer() // for Samba's own tests
	skipBlob(r) // the session key: not needed, and not kept
	r.Pointer() // credentials
	r.Align(4)
	r.Take(16) // a GUID for logs
	r.U16()    // the kind of ticket
	if token {
		skipToken(r, h.Level)
	}
	if unixToken {
		h.readUnixToken(r)
	}
	if user {
		h.readUser(r)
	}
	if unixUser {
		name, sanitized := r.Pointer(), r.Pointer()
		h.UnixName = string8(r, name)
		string8(r, sanitized)
	}
}

// skipToken skips security_token. Its SIDs are of no use here: the calls prove
// who makes them.
func skipToken(r *ndr.Reader, level uint32) {
	room := r.Count(maxSIDs)
	if n := r.Count(room); n > 0 {
		skipSIDs(r, n)
	}
	r.U64() // privileges
	r.U32() // rights
	if level < 8 {
		return
	}
	for range 3 {
		r.Count(maxClaims)
	}
	devices := r.Count(maxSIDs)
	for range 3 { // the sizes of arrays that have nothing in them
		r.Count(maxClaims)
	}
	skipSIDs(r, min(devices, r.Count(maxSIDs)))
	r.U16() // whether claims are evaluated
}

func skipSIDs(r *ndr.Reader, n int) {
	for range n {
		r.Align(4)
		r.U8() // revision
		parts := int(r.U8())
		r.Take(6) // authority
		r.Take(4 * parts)
	}
}

func (h *Hello) readUnixToken(r *ndr.Reader) {
	room := r.Count(maxSIDs)
	h.UID = r.U64()
	r.U64() // main group
	for range r.Count(room) {
		r.U64()
	}
}

// readUser reads auth_user_info.
func (h *Hello) readUser(r *ndr.Reader) {
	account, upn := r.Pointer(), r.Pointer()
	r.U8() // whether the UPN was made up
	domain := r.Pointer()
	var more [7]bool // DNS domain, full name, script, profile, home, drive, server
	for i := range more {
		more[i] = r.Pointer()
	}
	for range 6 { // times, which are aligned to 4 here
		r.U32()
		r.U32()
	}
	r.U16()
	r.U16()
	r.U32()
	r.U8() // authenticated; flags of 32 bits since 4.19: what follows is aligned
	h.Account = string8(r, account)
	string8(r, upn)
	h.Domain = string8(r, domain)
	for _, there := range more {
		string8(r, there)
	}
}

// answerHello answers a greeting: go on, with a pipe whose messages are framed.
// The level has to be the same.
func answerHello(w io.Writer, level uint32) error {
	const (
		messageMode = 2      // FILE_TYPE_MESSAGE_MODE_PIPE
		state       = 0x05ff // the device state that Samba's own servers give
		allocation  = 4096
	)
	var b ndr.Writer
	b.Zero(4) // the length
	b.Bytes([]byte(npaMagic))
	b.U32(level)
	b.U32(level)
	b.U16(messageMode)
	b.U16(state)
	b.U64(allocation)
	b.U32(0) // NT_STATUS_OK
	data := b.Data()
	binary.BigEndian.PutUint32(data, uint32(len(data)-4))
	_, err := w.Write(data)
	return err
}

// framed is a pipe behind a greeting. Each message has its length in front, and
// they are a stream: calls have lengths of their own.
type framed struct {
	io.ReadWriteCloser
	left int // of the message that is being read
}

// errFrame is a message that smbd does not send.
var errFrame = errors.New("smbd sent an empty message")

// Read reads from the message that has come, or waits for the next.
func (f *framed) Read(b []byte) (int, error) {
	if f.left == 0 {
		var head [2]byte
		if _, err := io.ReadFull(f.ReadWriteCloser, head[:]); err != nil {
			return 0, err
		}
		if f.left = int(binary.LittleEndian.Uint16(head[:])); f.left == 0 {
			return 0, errFrame
		}
	}
	n, err := f.ReadWriteCloser.Read(b[:min(len(b), f.left)])
	f.left -= n
	return n, err
}

// maxFrame is the longest message there can be.
const maxFrame = 1<<16 - 1

// Write writes one message, or several if it is too long for one.
func (f *framed) Write(b []byte) (int, error) {
	written := 0
	for len(b) > written {
		part := b[written:min(len(b), written+maxFrame)]
		message := append(binary.LittleEndian.AppendUint16(make([]byte, 0, 2+len(part)), uint16(len(part))), part...)
		if _, err := f.ReadWriteCloser.Write(message); err != nil {
			return written, err
		}
		written += len(part)
	}
	return written, nil
}
