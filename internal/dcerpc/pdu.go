package dcerpc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"msg/internal/ndr"
)

// Kinds of PDU ([C706] 12.6.4, [MS-RPCE] 2.2.2).
const (
	kindRequest   = 0
	kindResponse  = 2
	kindFault     = 3
	kindBind      = 11
	kindBindAck   = 12
	kindBindNak   = 13
	kindAlter     = 14
	kindAlterResp = 15
	kindAuth3     = 16
	kindShutdown  = 17
	kindCancel    = 18
	kindOrphaned  = 19
)

// Flags of a PDU.
const (
	flagFirst      = 0x01
	flagLast       = 0x02
	flagHeaderSign = 0x04 // in binds: PFC_SUPPORT_HEADER_SIGN
	flagNotRun     = 0x20 // in faults: PFC_DID_NOT_EXECUTE
	flagObject     = 0x80
	flagWhole      = flagFirst | flagLast
)

const (
	headerSize  = 16
	callHeader  = 24 // of a request or response, where its data begins
	trailerSize = 8
)

// errPDU is wrapped by errors of PDUs that are not of this protocol.
var errPDU = errors.New("not a PDU of DCE/RPC")

// pdu is a PDU as it came, with its parts. They share the memory of raw.
type pdu struct {
	kind, flags uint8
	call        uint32
	raw         []byte
	end         int // where the body ends, and the trailer begins
	auth        *trailer
}

// trailer is the auth_verifier_co_t without its token, [C706] 13.2.6.1.
type trailer struct {
	kind, level, pad uint8
	context          uint32
	token            []byte
}

// readPDU reads one PDU. io.EOF is only before its first byte.
func readPDU(r *bufio.Reader) (pdu, error) {
	head, err := r.Peek(headerSize)
	switch {
	case errors.Is(err, io.EOF) && len(head) == 0:
		return pdu{}, io.EOF
	case errors.Is(err, io.EOF):
		return pdu{}, io.ErrUnexpectedEOF
	case err != nil:
		return pdu{}, err
	}
	if err := checkHeader(head); err != nil { // before the rest is waited for
		return pdu{}, err
	}
	raw := make([]byte, binary.LittleEndian.Uint16(head[8:]))
	if _, err := io.ReadFull(r, raw); err != nil {
		return pdu{}, io.ErrUnexpectedEOF
	}
	return parsePDU(raw)
}

// checkHeader refuses what is not of this protocol, or in a form that is not
// spoken here: no Windows sends big endian.
func checkHeader(head []byte) error {
	switch size := binary.LittleEndian.Uint16(head[8:]); {
	case head[0] != 5 || head[1] > 1:
		return fmt.Errorf("%w: its version is %d.%d", errPDU, head[0], head[1])
	case head[4] != 0x10:
		return fmt.Errorf("%w: it is not little endian", errPDU)
	case size < headerSize:
		return fmt.Errorf("%w: its length is %d", errPDU, size)
	}
	return nil
}

// parsePDU looks at the header and the trailer of a whole PDU.
func parsePDU(raw []byte) (pdu, error) {
	if len(raw) < headerSize {
		return pdu{}, fmt.Errorf("%w: %d bytes", errPDU, len(raw))
	}
	if err := checkHeader(raw); err != nil {
		return pdu{}, err
	}
	le := binary.LittleEndian
	p := pdu{kind: raw[2], flags: raw[3], call: le.Uint32(raw[12:]), raw: raw, end: len(raw)}
	switch auth := int(le.Uint16(raw[10:])); {
	case int(le.Uint16(raw[8:])) != len(raw):
		return p, fmt.Errorf("%w: %d bytes with the length %d", errPDU, len(raw), le.Uint16(raw[8:]))
	case auth > maxToken:
		return p, fmt.Errorf("%w: %d bytes of authentication, more than %d", errPDU, auth, maxToken)
	case auth == 0:
		return p, nil
	case headerSize+trailerSize+auth > len(raw):
		return p, fmt.Errorf("%w: %d bytes of authentication in %d", errPDU, auth, len(raw))
	default:
		p.end = len(raw) - auth - trailerSize
	}
	t := raw[p.end:]
	p.auth = &trailer{t[0], t[1], t[2], le.Uint32(t[4:]), t[trailerSize:]}
	return p, nil
}

// body reads what is between header and trailer. Its alignment is that of the
// PDU, because the header is a multiple of 8.
func (p pdu) body() *ndr.Reader { return ndr.NewReader(p.raw[headerSize:p.end]) }

// begin writes a header; finish fills in its lengths.
func begin(kind, flags uint8, call uint32) *ndr.Writer {
	w := new(ndr.Writer)
	w.Bytes([]byte{5, 0, kind, flags, 0x10, 0, 0, 0, 0, 0, 0, 0})
	w.U32(call)
	return w
}

// write adds the trailer without the token, which has to be aligned to 4.
func (t *trailer) write(w *ndr.Writer) {
	w.Align(4)
	w.Bytes([]byte{t.kind, t.level, t.pad, 0})
	w.U32(t.context)
}

// finish adds the trailer with its token, if there is any, and the lengths.
func finish(w *ndr.Writer, t *trailer) []byte {
	token := 0
	if t != nil && len(t.token) > 0 {
		t.write(w)
		w.Bytes(t.token)
		token = len(t.token)
	}
	b := w.Data()
	putLengths(b, len(b), token)
	return b
}

func putLengths(b []byte, size, token int) {
	binary.LittleEndian.PutUint16(b[8:], uint16(size))
	binary.LittleEndian.PutUint16(b[10:], uint16(token))
}
