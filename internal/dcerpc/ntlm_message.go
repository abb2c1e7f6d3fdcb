package dcerpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
)

// Messages of NTLM, [MS-NLMP] 2.2.1.

const (
	ntlmMagic        = "NTLMSSP\x00"
	ntlmNegotiate    = 1
	ntlmChallenge    = 2
	ntlmAuthenticate = 3

	ntlmMIC     = 72 // where it is in AUTHENTICATE
	ntlmPayload = 88 // where the payload begins if there is one
)

var errNTLM = errors.New("not a message of NTLM")

// Kinds of AV_PAIR, [MS-NLMP] 2.2.2.1.
const (
	avEnd          = 0
	avComputer     = 1
	avDomain       = 2
	avDNSComputer  = 3
	avDNSDomain    = 4
	avFlags        = 6
	avTime         = 7
	avTarget       = 9
	avBindings     = 10
	avFlagMIC      = 2
	avPairsAtMost  = 32
	ntlmBlobHeader = 28 // before the pairs of a response, 2.2.2.7
)

// avPair is one of the target information.
type avPair struct {
	id    uint16
	value []byte
}

func writePairs(pairs []avPair) []byte {
	var b []byte
	for _, p := range append(pairs[:len(pairs):len(pairs)], avPair{id: avEnd}) {
		b = binary.LittleEndian.AppendUint16(b, p.id)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(p.value)))
		b = append(b, p.value...)
	}
	return b
}

func readPairs(b []byte) ([]avPair, error) {
	var pairs []avPair
	for len(b) >= 4 && len(pairs) < avPairsAtMost {
		id, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if id == avEnd {
			return pairs, nil
		}
		if b = b[4:]; n > len(b) {
			break
		}
		pairs = append(pairs, avPair{id, b[:n:n]})
		b = b[n:]
	}
	return nil, fmt.Errorf("%w: its target information does not end", errNTLM)
}

func findPair(pairs []avPair, id uint16) []byte {
	for _, p := range pairs {
		if p.id == id {
			return p.value
		}
	}
	return nil
}

// ntlmReader reads the fields of a message. Offsets that lead outside of it
// are an error that stays.
type ntlmReader struct {
	b   []byte
	err error
}

// readNTLM looks at the beginning of a message, which has size bytes at least.
func readNTLM(b []byte, kind uint32, size int) (*ntlmReader, error) {
	if len(b) < size || string(b[:8]) != ntlmMagic || binary.LittleEndian.Uint32(b[8:]) != kind {
		return nil, fmt.Errorf("%w of type %d", errNTLM, kind)
	}
	return &ntlmReader{b: b}, nil
}

func (r *ntlmReader) u32(at int) uint32 { return binary.LittleEndian.Uint32(r.b[at:]) }

// field is the part of the payload that the length and offset at this place
// say.
func (r *ntlmReader) field(at int) []byte {
	n, from := uint64(binary.LittleEndian.Uint16(r.b[at:])), uint64(r.u32(at+4))
	if from+n > uint64(len(r.b)) {
		r.err = fmt.Errorf("%w: a field is outside of it", errNTLM)
		return nil
	}
	return r.b[from : from+n : from+n]
}

// text is a field in UTF-16.
func (r *ntlmReader) text(at int) string {
	b := r.field(at)
	if len(b)%2 != 0 {
		r.err = fmt.Errorf("%w: half a character", errNTLM)
		return ""
	}
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}

// ntlmWriter makes a message: a head with fields, then their payload.
type ntlmWriter struct{ head, payload []byte }

func beginNTLM(kind uint32, size int) *ntlmWriter {
	w := &ntlmWriter{head: make([]byte, size)}
	copy(w.head, ntlmMagic)
	w.u32(8, kind)
	return w
}

func (w *ntlmWriter) u32(at int, v uint32) { binary.LittleEndian.PutUint32(w.head[at:], v) }

func (w *ntlmWriter) field(at int, value []byte) {
	binary.LittleEndian.PutUint16(w.head[at:], uint16(len(value)))
	binary.LittleEndian.PutUint16(w.head[at+2:], uint16(len(value)))
	w.u32(at+4, uint32(len(w.head)+len(w.payload)))
	w.payload = append(w.payload, value...)
}

func (w *ntlmWriter) bytes() []byte { return append(w.head, w.payload...) }

// negotiateMessage asks for flags.
func negotiateMessage(flags uint32) []byte {
	w := beginNTLM(ntlmNegotiate, 40)
	w.u32(12, flags)
	copy(w.head[32:], ntlmRevision)
	return w.bytes()
}

func readNegotiate(b []byte) (flags uint32, err error) {
	r, err := readNTLM(b, ntlmNegotiate, 16)
	if err != nil {
		return 0, err
	}
	return r.u32(12), nil
}

// challengeMessage is what the server says.
type challengeMessage struct {
	flags  uint32
	nonce  [8]byte
	target string
	pairs  []avPair
}

func (m challengeMessage) bytes() []byte {
	w := beginNTLM(ntlmChallenge, 56)
	w.field(12, utf16le(m.target))
	w.u32(20, m.flags)
	copy(w.head[24:], m.nonce[:])
	w.field(40, writePairs(m.pairs))
	copy(w.head[48:], ntlmRevision)
	return w.bytes()
}

func readChallenge(b []byte) (m challengeMessage, err error) {
	r, err := readNTLM(b, ntlmChallenge, 48)
	if err != nil {
		return m, err
	}
	m.flags = r.u32(20)
	m.target = r.text(12)
	copy(m.nonce[:], b[24:])
	info := r.field(40)
	if r.err != nil {
		return m, r.err
	}
	m.pairs, err = readPairs(info)
	return m, err
}

// authenticateMessage is the proof of a client.
type authenticateMessage struct {
	lm, nt                    []byte
	domain, user, workstation string
	key                       []byte // the session key, encrypted
	flags                     uint32
}

func (m authenticateMessage) bytes() []byte {
	w := beginNTLM(ntlmAuthenticate, ntlmPayload)
	w.field(28, utf16le(m.domain))
	w.field(36, utf16le(m.user))
	w.field(44, utf16le(m.workstation))
	w.field(12, m.lm)
	w.field(20, m.nt)
	w.field(52, m.key)
	w.u32(60, m.flags)
	copy(w.head[64:], ntlmRevision)
	return w.bytes()
}

func readAuthenticate(b []byte) (m authenticateMessage, err error) {
	r, err := readNTLM(b, ntlmAuthenticate, 64)
	if err != nil {
		return m, err
	}
	m = authenticateMessage{r.field(12), r.field(20), r.text(28), r.text(36), r.text(44), r.field(52), r.u32(60)}
	return m, r.err
}

// pairs are those of an NTLMv2 response.
func (m authenticateMessage) pairs() ([]avPair, error) {
	if len(m.nt) < 16+ntlmBlobHeader+4 || !bytes.Equal(m.nt[16:18], []byte{1, 1}) {
		return nil, errors.New("the client answers with an old version of NTLM, or is anonymous")
	}
	return readPairs(m.nt[16+ntlmBlobHeader:])
}

// withoutMIC is the message as it is signed: with zeros for the MIC.
func withoutMIC(b []byte) []byte {
	b = bytes.Clone(b)
	clear(b[ntlmMIC:ntlmPayload])
	return b
}
