package dcerpc

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"

	//lint:ignore SA1019 passwords of NTLM are hashed with it
	"golang.org/x/crypto/md4"
)

// Keys and signatures of NTLM version 2 ([MS-NLMP] 3.3.2 and 3.4). MD4, MD5
// and RC4 are what it is made of; they are used nowhere else.

// Flags of NTLM messages, [MS-NLMP] 2.2.2.5.
const (
	ntlmUnicode     = 1 << 0
	ntlmTarget      = 1 << 2
	ntlmSign        = 1 << 4
	ntlmSeal        = 1 << 5
	ntlmNTLM        = 1 << 9
	ntlmAlwaysSign  = 1 << 15
	ntlmServer      = 1 << 17 // the target is a server
	ntlmExtended    = 1 << 19 // extended session security
	ntlmTargetInfo  = 1 << 23
	ntlmVersion     = 1 << 25
	ntlm128         = 1 << 29
	ntlmKeyExchange = 1 << 30
	ntlm56          = 1 << 31

	// ntlmNeeded is what neither side goes without.
	ntlmNeeded = ntlmUnicode | ntlmSign | ntlmSeal | ntlmExtended | ntlm128 | ntlmKeyExchange
)

// ntlmRevision is the version field of messages: NTLMSSP_REVISION_W2K3, and no
// version of Windows.
var ntlmRevision = []byte{0, 0, 0, 0, 0, 0, 0, 15}

func utf16le(s string) []byte {
	b := make([]byte, 0, 2*len(s))
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// ntowf is NTOWFv2, the key of a user that a password makes.
func ntowf(user, domain, password string) []byte {
	h := md4.New()
	h.Write(utf16le(password))
	return hmacMD5(h.Sum(nil), utf16le(strings.ToUpper(user)+domain))
}

// ntlmResponse is the response to a challenge, and the session base key.
func ntlmResponse(key []byte, challenge [8]byte, blob []byte) (response, base []byte) {
	proof := hmacMD5(key, challenge[:], blob)
	return append(proof, blob...), hmacMD5(key, proof[:16])
}

// rc4Once is RC4K: what is encrypted with a key that is used once.
func rc4Once(key, data []byte) []byte {
	out := make([]byte, len(data))
	newRC4(key).XORKeyStream(out, data)
	return out
}

func newRC4(key []byte) *rc4.Cipher {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err) // the length of a key, which is 16
	}
	return c
}

// ntlmWay is one direction of a session.
type ntlmWay struct {
	sign   []byte
	handle *rc4.Cipher
	seq    uint32
}

func newNTLMWay(key []byte, way string) ntlmWay {
	derive := func(use string) []byte {
		sum := md5.Sum(append(key[:len(key):len(key)], "session key to "+way+" "+use+" key magic constant\x00"...))
		return sum[:]
	}
	return ntlmWay{sign: derive("signing"), handle: newRC4(derive("sealing"))}
}

// checksum is that of the next message. It must be taken before the message is
// sealed.
func (w *ntlmWay) checksum(data []byte) []byte {
	var seq [4]byte
	binary.LittleEndian.PutUint32(seq[:], w.seq)
	return hmacMD5(w.sign, seq[:], data)[:8]
}

// signature is the token of a message with this checksum, sealed by handle.
func (w *ntlmWay) signature(handle *rc4.Cipher, checksum []byte) []byte {
	b := make([]byte, 16)
	b[0] = 1 // version
	handle.XORKeyStream(b[4:12], checksum)
	binary.LittleEndian.PutUint32(b[12:], w.seq)
	w.seq++
	return b
}

// ntlmSession signs the whole PDU, whether or not header signing was agreed
// on, as every implementation does.
type ntlmSession struct{ out, in ntlmWay }

const (
	toServer = "client-to-server"
	toClient = "server-to-client"
)

func newNTLMSession(key []byte, out, in string) *ntlmSession {
	return &ntlmSession{newNTLMWay(key, out), newNTLMWay(key, in)}
}

func (s *ntlmSession) tokenSize(uint8) int { return 16 }

func (s *ntlmSession) seal(p sealed) ([]byte, error) {
	sum := s.out.checksum(p.pdu)
	if p.level == LevelPrivacy {
		s.out.handle.XORKeyStream(p.body(), p.body())
	}
	return s.out.signature(s.out.handle, sum), nil
}

func (s *ntlmSession) open(p sealed, token []byte) error {
	if p.level == LevelPrivacy {
		s.in.handle.XORKeyStream(p.body(), p.body())
	}
	want := s.in.signature(s.in.handle, s.in.checksum(p.pdu))
	if !hmac.Equal(want, token) {
		return fmt.Errorf("%w: the signature of a PDU is wrong", ErrSecurity)
	}
	return nil
}

// mic leaves the RC4 key as it was for the first PDU, [MS-SPNG] 3.3.5.1; the
// number counts.
func (s *ntlmSession) mic(data []byte) ([]byte, error) {
	handle := *s.out.handle
	return s.out.signature(&handle, s.out.checksum(data)), nil
}

func (s *ntlmSession) checkMIC(data, mic []byte) error {
	handle := *s.in.handle
	if want := s.in.signature(&handle, s.in.checksum(data)); !hmac.Equal(want, mic) {
		return fmt.Errorf("%w: the list of mechanisms was changed", ErrSecurity)
	}
	return nil
}
