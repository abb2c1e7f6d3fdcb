package dcerpc

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"

	kcrypto "github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/crypto/common"
	"github.com/jcmturner/gokrb5/v8/crypto/etype"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Tokens of RFC 4121 section 4.2 in the order that DCE RPC has them in: the
// PDU stays where it is, and everything else is its token ([MS-KILE] 3.4.5.4).

// Sizes for AES with SHA-1, RFC 3962.
const (
	krbHeader = 16
	krbBlock  = 16 // of a confounder, too
	krbMAC    = 12
	krbEC     = krbBlock // filler after the data, as Windows has it
	krbRRC    = krbHeader + krbMAC

	krbMICSize  = krbHeader + krbMAC
	krbWrapSize = krbHeader + krbBlock + krbEC + krbHeader + krbMAC
)

// Flags of a token.
const (
	krbFromAcceptor = 1
	krbSealed       = 2
	krbSubkey       = 4 // of the acceptor
)

// krbWay is one direction of a session.
type krbWay struct {
	flags               uint8
	seq                 uint64
	encrypt, mac, check []byte // keys: Ke and Ki of wrapping, Kc of signing
}

// krbSession is a session of Kerberos.
type krbSession struct {
	aes     etype.EType
	out, in krbWay
}

// newKrbSession begins one. The numbers are those that each side chose for its
// first token.
func newKrbSession(key types.EncryptionKey, acceptor, subkey bool, out, in uint64) (*krbSession, error) {
	aes, err := krbAES(key)
	if err != nil {
		return nil, err
	}
	s := &krbSession{aes: aes}
	s.out, s.in = krbWay{seq: out}, krbWay{seq: in, flags: krbFromAcceptor}
	if acceptor {
		s.out.flags, s.in.flags = krbFromAcceptor, 0
	}
	if subkey {
		s.out.flags |= krbSubkey
		s.in.flags |= krbSubkey
	}
	return s, errors.Join(s.out.derive(aes, key.KeyValue), s.in.derive(aes, key.KeyValue))
}

// krbAES refuses keys that are not AES with SHA-1: older ones are weak, and
// newer ones are not used for remote calls by Windows or Samba yet.
func krbAES(key types.EncryptionKey) (etype.EType, error) {
	if key.KeyType != etypeID.AES128_CTS_HMAC_SHA1_96 && key.KeyType != etypeID.AES256_CTS_HMAC_SHA1_96 {
		return nil, fmt.Errorf("the key of Kerberos has encryption type %d; only AES (17 and 18) is used for remote calls", key.KeyType)
	}
	aes, err := kcrypto.GetEtype(key.KeyType)
	if err == nil && len(key.KeyValue) != aes.GetKeyByteSize() {
		err = errors.New("the key of Kerberos has a wrong length")
	}
	return aes, err
}

// derive makes the keys, RFC 4121 section 2: initiators and acceptors have
// usages of their own.
func (w *krbWay) derive(aes etype.EType, key []byte) (err error) {
	seal, sign := uint32(24), uint32(25)
	if w.flags&krbFromAcceptor != 0 {
		seal, sign = 22, 23
	}
	for _, k := range []struct {
		to    *[]byte
		usage []byte
	}{{&w.encrypt, common.GetUsageKe(seal)}, {&w.mac, common.GetUsageKi(seal)}, {&w.check, common.GetUsageKc(sign)}} {
		if *k.to, err = aes.DeriveKey(key, k.usage); err != nil {
			return fmt.Errorf("deriving keys of Kerberos: %w", err)
		}
	}
	return nil
}

func krbSum(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha1.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)[:krbMAC]
}

// header is the beginning of a token, and of what is signed with it.
func (w *krbWay) header(id, flags uint8, ec, rrc uint16) []byte {
	h := []byte{id, 4, w.flags | flags, 0xff, 0xff, 0xff, 0xff, 0xff}
	if id == 5 {
		binary.BigEndian.PutUint16(h[4:], ec)
		binary.BigEndian.PutUint16(h[6:], rrc)
	}
	return binary.BigEndian.AppendUint64(h, w.seq)
}

func (s *krbSession) tokenSize(level uint8) int {
	if level == LevelPrivacy {
		return krbWrapSize
	}
	return krbMICSize
}

// signed is what a MIC is over.
func (p sealed) signed() []byte {
	if p.headers {
		return p.pdu
	}
	return p.body()
}

// around is what is signed before and after the body, but not sealed.
func (p sealed) around() (before, after []byte) {
	if p.headers {
		return p.pdu[:p.from], p.pdu[p.to:]
	}
	return nil, nil
}

func (s *krbSession) seal(p sealed) ([]byte, error) {
	if p.level != LevelPrivacy {
		return s.mic(p.signed())
	}
	body := p.body()
	h := s.out.header(5, krbSealed, krbEC, 0)
	plain := make([]byte, 0, krbBlock+len(body)+krbEC+krbHeader+krbMAC)
	plain = append(append(plain, randomBytes(krbBlock)...), body...)
	plain = append(append(plain, bytes.Repeat([]byte{0xff}, krbEC)...), h...)
	before, after := p.around()
	tail := krbBlock + len(body)
	sum := krbSum(s.out.mac, plain[:krbBlock], before, body, after, plain[tail:])
	_, text, err := s.aes.EncryptData(s.out.encrypt, plain)
	if err != nil {
		return nil, fmt.Errorf("sealing with Kerberos: %w", err)
	}
	token := s.out.header(5, krbSealed, krbEC, krbRRC)
	token = append(append(append(token, text[tail:]...), sum...), text[:krbBlock]...)
	copy(body, text[krbBlock:tail])
	s.out.seq++
	return token, nil
}

func (s *krbSession) open(p sealed, token []byte) error {
	if p.level != LevelPrivacy {
		return s.checkMIC(p.signed(), token)
	}
	body := p.body()
	if len(token) < krbHeader {
		return fmt.Errorf("%w: a token of Kerberos with %d bytes", ErrSecurity, len(token))
	}
	ec, rrc := binary.BigEndian.Uint16(token[4:]), binary.BigEndian.Uint16(token[6:])
	size := krbBlock + len(body) + int(ec) + krbHeader + krbMAC
	if !bytes.Equal(token[:krbHeader], s.in.header(5, krbSealed, ec, rrc)) || len(token)-krbHeader+len(body) != size {
		return fmt.Errorf("%w: a token of Kerberos is not the next one", ErrSecurity)
	}
	// What is sent is rotated to the right; Windows rotates by EC as well.
	turn := (int(ec) + int(rrc)) % size
	all := append(append(make([]byte, 0, 2*size), token[krbHeader:]...), body...)
	all = append(all, all[:turn]...)[turn:]
	plain, err := s.aes.DecryptData(s.in.encrypt, all[:size-krbMAC])
	if err != nil {
		return fmt.Errorf("%w: a PDU cannot be opened", ErrSecurity)
	}
	tail := krbBlock + len(body)
	before, after := p.around()
	sum := krbSum(s.in.mac, plain[:krbBlock], before, plain[krbBlock:tail], after, plain[tail:])
	if !hmac.Equal(sum, all[size-krbMAC:]) || !hmac.Equal(plain[tail+int(ec):], s.in.header(5, krbSealed, ec, 0)) {
		return fmt.Errorf("%w: the signature of a PDU is wrong", ErrSecurity)
	}
	copy(body, plain[krbBlock:])
	s.in.seq++
	return nil
}

func (s *krbSession) mic(data []byte) ([]byte, error) {
	h := s.out.header(4, 0, 0, 0)
	s.out.seq++
	return append(h, krbSum(s.out.check, data, h)...), nil
}

func (s *krbSession) checkMIC(data, mic []byte) error {
	h := s.in.header(4, 0, 0, 0)
	s.in.seq++
	if !hmac.Equal(mic, append(h, krbSum(s.in.check, data, h)...)) {
		return fmt.Errorf("%w: a signature is wrong", ErrSecurity)
	}
	return nil
}
