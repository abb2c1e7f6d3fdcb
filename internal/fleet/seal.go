package fleet

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/nats-io/nkeys"
)

// What a signature is for. It is part of what is signed, so that nothing can
// be taken for something else.
const (
	domainEnvelope = "msg.v1.envelope\n"
	domainGrant    = "msg.v1.grant\n"
	domainReport   = "msg.v1.report\n"
	domainRevoked  = "msg.v1.revoked\n"
	domainSummary  = "msg.v1.summary\n"
)

// sealed is something signed. The body is kept as it was: what is written
// again may have other bytes. On the wire it is
//
//	sealedMark, 64 bytes of signature, 4 bytes: size of the grant, the grant, the body
//
// with the size in network order.
type sealed struct {
	Body  []byte
	Sig   []byte
	Grant []byte // of an envelope: the sealed grant of its signer
}

const (
	sealedMark = 1
	sealedHead = 1 + ed25519.SignatureSize + 4
)

func (s sealed) wire() []byte {
	b := make([]byte, 0, sealedHead+len(s.Grant)+len(s.Body))
	b = append(append(b, sealedMark), s.Sig...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.Grant)))
	return append(append(b, s.Grant...), s.Body...)
}

// signedBytes is what the signature is of.
func signedBytes(domain string, body []byte) []byte { return append([]byte(domain), body...) }

func seal(key nkeys.KeyPair, domain string, v any, grant []byte) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding what is to be signed: %w", err)
	}
	return sealBody(key, domain, body, grant)
}

// sealBody signs what is encoded already.
func sealBody(key nkeys.KeyPair, domain string, body, grant []byte) ([]byte, error) {
	sig, err := key.Sign(signedBytes(domain, body))
	if err == nil && len(sig) != ed25519.SignatureSize {
		err = fmt.Errorf("the signature has %d bytes", len(sig))
	}
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return sealed{body, sig, grant}.wire(), nil
}

// unseal checks the signature of key and only then reads the body.
func (s sealed) unseal(key, domain string, into any) error {
	public, err := nkeys.FromPublicKey(key)
	if err != nil {
		return fmt.Errorf("%w: %q is not a key", errProof, key)
	}
	if err := public.Verify(signedBytes(domain, s.Body), s.Sig); err != nil {
		return fmt.Errorf("%w: the signature is not that of the key", errProof)
	}
	return strict(s.Body, into)
}

func parseSealed(data []byte) (sealed, error) {
	var s sealed
	if len(data) > maxWire {
		return s, fmt.Errorf("%w: it has %d bytes, the limit is %d", errProof, len(data), maxWire)
	}
	if len(data) < sealedHead || data[0] != sealedMark {
		return s, fmt.Errorf("%w: it is nothing that this version can read", errProof)
	}
	size, rest := binary.BigEndian.Uint32(data[sealedHead-4:]), data[sealedHead:]
	if int64(size) > int64(len(rest)) {
		return s, fmt.Errorf("%w: it is cut off", errProof)
	}
	s.Sig = data[1 : 1+ed25519.SignatureSize]
	s.Grant, s.Body = rest[:size:size], rest[size:]
	return s, nil
}

// strict reads one JSON value with the fields that are known.
func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: it cannot be read: %v", errProof, err)
	}
	if !utf8.Valid(b) || len(bytes.TrimSpace(b[d.InputOffset():])) > 0 {
		return fmt.Errorf("%w: it is not one value in UTF-8", errProof)
	}
	return nil
}
