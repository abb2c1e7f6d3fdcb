package dcerpc

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Tokens of SPNEGO, RFC 4178 section 4.2 and [MS-SPNG] 2.2.

// oid is an object identifier as it is on the wire, without tag and length.
type oid string

// Mechanisms. Windows lists Kerberos under two names, the first of which is an
// old mistake of its own ([MS-SPNG] 1.9).
const (
	oidSPNEGO     = oid("\x2b\x06\x01\x05\x05\x02")
	oidMSKerberos = oid("\x2a\x86\x48\x82\xf7\x12\x01\x02\x02")
	oidKerberos   = oid("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")
	oidNTLM       = oid("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a")
)

// States of a negotiation.
const (
	negCompleted  = 0
	negIncomplete = 1
	negReject     = 2
	negRequestMIC = 3
	negNone       = -1
)

var errSPNEGO = errors.New("not a token of SPNEGO")

// maxMechanisms is how many a client may list.
const maxMechanisms = 16

// negInit is a NegTokenInit, or the NegTokenInit2 that Windows' servers begin
// with where they speak first: hints stand then where the MIC otherwise is.
type negInit struct {
	mechs []oid
	list  []byte // the mechanisms as they were encoded: what the MIC is over
	token []byte
	mic   []byte
}

// negResp is a NegTokenResp.
type negResp struct {
	state int
	mech  oid
	token []byte
	mic   []byte
}

func tag(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

var tagToken = asn1.Tag(0x60) // [APPLICATION 0]

// mechList encodes the list of mechanisms.
func mechList(mechs []oid) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, m := range mechs {
			addOID(b, m)
		}
	})
	return b.BytesOrPanic()
}

func addOID(b *cryptobyte.Builder, m oid) {
	b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(m)) })
}

// addOctets adds an OCTET STRING with a tag of its own, if there is one.
func addOctets(b *cryptobyte.Builder, n uint8, octets []byte) {
	if octets != nil {
		b.AddASN1(tag(n), func(b *cryptobyte.Builder) { b.AddASN1OctetString(octets) })
	}
}

func (i negInit) bytes() []byte {
	var b cryptobyte.Builder
	b.AddASN1(tagToken, func(b *cryptobyte.Builder) {
		addOID(b, oidSPNEGO)
		b.AddASN1(tag(0), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(tag(0), func(b *cryptobyte.Builder) { b.AddBytes(i.list) })
				addOctets(b, 2, i.token)
				addOctets(b, 3, i.mic)
			})
		})
	})
	return b.BytesOrPanic()
}

func (r negResp) bytes() []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag(1), func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if r.state != negNone {
				b.AddASN1(tag(0), func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(r.state)) })
			}
			if r.mech != "" {
				b.AddASN1(tag(1), func(b *cryptobyte.Builder) { addOID(b, r.mech) })
			}
			addOctets(b, 2, r.token)
			addOctets(b, 3, r.mic)
		})
	})
	return b.BytesOrPanic()
}

func readNegInit(token []byte) (negInit, error) {
	in := cryptobyte.String(token)
	var app, id, seq, list cryptobyte.String
	var i negInit
	if !in.ReadASN1(&app, tagToken) || !in.Empty() || !app.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) || oid(id) != oidSPNEGO ||
		!inside(&app, 0, &seq) || !inside(&seq, 0, nil) {
		return i, fmt.Errorf("%w: no NegTokenInit", errSPNEGO)
	}
	if !seq.ReadASN1(&list, tag(0)) {
		return i, fmt.Errorf("%w: no mechanisms", errSPNEGO)
	}
	i.list = list
	if i.mechs = readMechs(list); i.mechs == nil {
		return i, fmt.Errorf("%w: a bad list of mechanisms", errSPNEGO)
	}
	var flags, rest cryptobyte.String
	var has bool
	if !seq.ReadOptionalASN1(&flags, &has, tag(1)) || !optionalOctets(&seq, 2, &i.token) ||
		!seq.ReadOptionalASN1(&rest, &has, tag(3)) {
		return i, fmt.Errorf("%w: bad fields", errSPNEGO)
	}
	if has && !rest.PeekASN1Tag(asn1.SEQUENCE) { // else these are hints
		var mic cryptobyte.String
		if !rest.ReadASN1(&mic, asn1.OCTET_STRING) || !rest.Empty() {
			return i, fmt.Errorf("%w: a bad MIC", errSPNEGO)
		}
		i.mic = mic
	} else if !optionalOctets(&seq, 4, &i.mic) {
		return i, fmt.Errorf("%w: a bad MIC", errSPNEGO)
	}
	return i, nil
}

// inside goes into a SEQUENCE within a tag; without one to fill it only looks
// that there is something of that tag.
func inside(s *cryptobyte.String, n uint8, seq *cryptobyte.String) bool {
	if seq == nil {
		return s.PeekASN1Tag(tag(n))
	}
	var outer cryptobyte.String
	return s.ReadASN1(&outer, tag(n)) && outer.ReadASN1(seq, asn1.SEQUENCE) && outer.Empty()
}

func readMechs(list cryptobyte.String) []oid {
	var seq, id cryptobyte.String
	if !list.ReadASN1(&seq, asn1.SEQUENCE) || !list.Empty() {
		return nil
	}
	var mechs []oid
	for !seq.Empty() {
		if len(mechs) == maxMechanisms || !seq.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
			return nil
		}
		mechs = append(mechs, oid(id))
	}
	return mechs
}

// optionalOctets reads an OCTET STRING with a tag of its own, if it is there.
func optionalOctets(s *cryptobyte.String, n uint8, out *[]byte) bool {
	var outer, octets cryptobyte.String
	var has bool
	if !s.ReadOptionalASN1(&outer, &has, tag(n)) {
		return false
	}
	if !has {
		return true
	}
	ok := outer.ReadASN1(&octets, asn1.OCTET_STRING) && outer.Empty()
	*out = append([]byte{}, octets...) // not nil: it is there, if empty
	return ok
}

func readNegResp(token []byte) (negResp, error) {
	in := cryptobyte.String(token)
	r := negResp{state: negNone}
	var seq, state, mech cryptobyte.String
	var hasState, hasMech bool
	if !inside(&in, 1, &seq) || !in.Empty() ||
		!seq.ReadOptionalASN1(&state, &hasState, tag(0)) || !seq.ReadOptionalASN1(&mech, &hasMech, tag(1)) ||
		!optionalOctets(&seq, 2, &r.token) || !optionalOctets(&seq, 3, &r.mic) {
		return r, fmt.Errorf("%w: no NegTokenResp", errSPNEGO)
	}
	if hasState && (!state.ReadASN1Enum(&r.state) || r.state < negCompleted || r.state > negRequestMIC) {
		return r, fmt.Errorf("%w: a bad state", errSPNEGO)
	}
	if hasMech {
		var id cryptobyte.String
		if !mech.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
			return r, fmt.Errorf("%w: a bad mechanism", errSPNEGO)
		}
		r.mech = oid(id)
	}
	return r, nil
}
