package fleet

import (
	"bytes"
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
// again may have other bytes.
type sealed struct {
	Body  []byte `json:"body"`
	Sig   []byte `json:"sig"`
	Grant []byte `json:"grant,omitempty"` // of an envelope: the sealed grant of its signer
}

// signedBytes is what the signature is of.
func signedBytes(domain string, body []byte) []byte { return append([]byte(domain), body...) }

func seal(key nkeys.KeyPair, domain string, v any, grant []byte) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding what is to be signed: %w", err)
	}
	sig, err := key.Sign(signedBytes(domain, body))
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return json.Marshal(sealed{body, sig, grant})
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
	return s, strict(data, &s)
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
