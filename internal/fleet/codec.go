package fleet

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// What is signed is CBOR (RFC 8949), written in the one form that section 4.2.1
// gives a value, and read strictly: nothing that is not known, nothing twice, no text that
// is not UTF-8, nothing behind it. The names of fields are those of JSON.

var (
	encoding = mode(encodeOptions().EncMode())
	decoding = mode(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   maxNesting,
		MaxArrayElements:  maxElements,
	}.DecMode())
)

// Bounds that are more than anything has that is signed. An element that is empty
// is one byte on the wire, and hundreds in memory: a receipt, a session.
const (
	maxNesting  = 8
	maxElements = 20_000 // maxHosts; keys that are revoked, as many as go into maxWire
)

// encodeOptions are those of that section, and times to the nanosecond: by them
// copies are told apart.
func encodeOptions() cbor.EncOptions {
	o := cbor.CoreDetEncOptions()
	o.Time = cbor.TimeRFC3339Nano
	return o
}

// mode is what options that are written here make, which are valid.
func mode[M any](m M, err error) M {
	if err != nil {
		panic(err)
	}
	return m
}

func encode(v any) ([]byte, error) {
	b, err := encoding.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding what is to be signed: %w", err)
	}
	return b, nil
}

// dated is what is signed.
type dated interface {
	times() []time.Time // all that it has
}

// decode reads what is signed. A time in it is one that JSON has, too: others
// could not be written into a file, nor told to anybody, and all that is beside
// them neither.
func decode(b []byte, into dated) error {
	if err := decoding.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%w: it cannot be read: %v", errProof, err)
	}
	for _, t := range into.times() {
		if _, err := t.MarshalText(); err != nil {
			return fmt.Errorf("%w: it cannot be read: %v", errProof, err)
		}
	}
	return nil
}
