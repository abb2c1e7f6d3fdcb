package dcerpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	kcrypto "github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// What both halves of Kerberos need. In DCE style there are three legs, none
// of them with the frame of GSS-API: AP-REQ, AP-REP, and an AP-REP of the
// client, by which the server knows that nobody replays ([MS-KILE] 3.4.5.1).

// Flags in the checksum of an authenticator, RFC 4121 section 4.1.1.
const (
	gssMutual    = 0x2
	gssReplay    = 0x4
	gssSequence  = 0x8
	gssPrivacy   = 0x10
	gssIntegrity = 0x20
	gssDCEStyle  = 0x1000

	gssNeeded    = gssMutual | gssIntegrity | gssPrivacy | gssDCEStyle
	gssChecksum  = 0x8003
	gssSumLength = 24
)

var errKerberos = errors.New("not a message of Kerberos")

// guard turns a panic of the Kerberos library into an error: it was not made
// for messages of strangers. What it is known to fail on is looked at before.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: the library gave up", errKerberos)
	}
}

// krbSealedPart looks whether an encrypted part can be decrypted at all.
func krbSealedPart(e types.EncryptedData) error {
	if _, err := kcrypto.GetEtype(e.EType); err != nil || len(e.Cipher) < 2*krbBlock+krbMAC {
		return fmt.Errorf("%w: an encrypted part of type %d with %d bytes", errKerberos, e.EType, len(e.Cipher))
	}
	return nil
}

// gssSum is the checksum that is none, with no channel bindings.
func gssSum() types.Checksum {
	b := make([]byte, gssSumLength)
	binary.LittleEndian.PutUint32(b, 16)
	binary.LittleEndian.PutUint32(b[20:], gssNeeded|gssReplay|gssSequence)
	return types.Checksum{CksumType: gssChecksum, Checksum: b}
}

// gssFlags are those of an authenticator, 0 if it has none.
func gssFlags(c types.Checksum) uint32 {
	if c.CksumType != gssChecksum || len(c.Checksum) < gssSumLength || binary.LittleEndian.Uint32(c.Checksum) != 16 {
		return 0
	}
	return binary.LittleEndian.Uint32(c.Checksum[20:])
}

// sealReply makes an AP-REP.
func sealReply(part messages.EncAPRepPart, key types.EncryptionKey) ([]byte, error) {
	b, err := asn1.Marshal(part)
	if err != nil {
		return nil, fmt.Errorf("making an AP-REP: %w", err)
	}
	e, err := kcrypto.GetEncryptedData(asn1tools.AddASNAppTag(b, asnAppTag.EncAPRepPart), key, keyusage.AP_REP_ENCPART, 0)
	if err != nil {
		return nil, fmt.Errorf("sealing an AP-REP: %w", err)
	}
	if b, err = asn1.Marshal(messages.APRep{PVNO: iana.PVNO, MsgType: msgtype.KRB_AP_REP, EncPart: e}); err != nil {
		return nil, fmt.Errorf("making an AP-REP: %w", err)
	}
	return asn1tools.AddASNAppTag(b, asnAppTag.APREP), nil
}

// openReply reads an AP-REP. What is in place of one is the reason for which
// the other side refuses.
func openReply(b []byte, key types.EncryptionKey) (part messages.EncAPRepPart, err error) {
	defer guard(&err)
	var refusal messages.KRBError
	if refusal.Unmarshal(b) == nil {
		return part, fmt.Errorf("the other side refuses the ticket with Kerberos error %d", refusal.ErrorCode)
	}
	var reply messages.APRep
	if reply.Unmarshal(b) != nil {
		return part, fmt.Errorf("%w: no AP-REP", errKerberos)
	}
	if err := krbSealedPart(reply.EncPart); err != nil {
		return part, err
	}
	plain, err := kcrypto.DecryptEncPart(reply.EncPart, key, keyusage.AP_REP_ENCPART)
	if err != nil || part.Unmarshal(plain) != nil {
		return part, fmt.Errorf("%w: the AP-REP is of somebody who does not have the key", ErrSecurity)
	}
	return part, nil
}

// sameTime compares the time of an AP-REP with that of the authenticator.
func sameTime(part messages.EncAPRepPart, at time.Time, micro int) bool {
	return part.CTime.Unix() == at.Unix() && part.Cusec == micro
}

// newSubkey makes a key of the type of another.
func newSubkey(like types.EncryptionKey) (types.EncryptionKey, error) {
	aes, err := krbAES(like)
	if err != nil {
		return types.EncryptionKey{}, err
	}
	return types.EncryptionKey{KeyType: like.KeyType, KeyValue: randomBytes(aes.GetKeyByteSize())}, nil
}

// newNumber is where a side begins to count: not 0, and with room.
func newNumber() int64 {
	return int64(binary.BigEndian.Uint32(randomBytes(4))&0x3fffffff) | 1
}
