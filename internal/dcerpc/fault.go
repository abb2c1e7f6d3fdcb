package dcerpc

import (
	"errors"
	"fmt"
)

// What a call or Dial can fail with, besides what the connection does.
var (
	// ErrNoInterface means that the server does not have the interface.
	ErrNoInterface = errors.New("the server does not have the interface")
	// ErrSecurity means that what the peer sent does not prove what it has to:
	// it was changed on its way, comes from somebody else, or asks for less
	// than the whole protection.
	ErrSecurity = errors.New("the security of the connection does not hold")
	// ErrOpnum is for handlers: they do not have the call.
	ErrOpnum = errors.New("the interface does not have the call")
)

// Status codes of faults, [C706] appendix E and [MS-ERREF] 2.2.
const (
	StatusDenied    = 0x00000005 // ERROR_ACCESS_DENIED
	StatusInternal  = 0x0000054f // ERROR_INTERNAL_ERROR
	StatusBadStub   = 0x000006f7 // RPC_X_BAD_STUB_DATA
	StatusSecurity  = 0x00000721 // RPC_S_SEC_PKG_ERROR
	StatusOpnum     = 0x1c010002 // nca_s_op_rng_error
	StatusInterface = 0x1c010003 // nca_s_unk_if
	StatusProtocol  = 0x1c01000b // nca_s_proto_error
)

var faultWords = map[uint32]string{
	StatusDenied:    "access is denied",
	StatusInternal:  "the server has an internal error",
	StatusBadStub:   "the server does not understand the data of the call",
	StatusSecurity:  "the server does not accept the security of the call",
	StatusOpnum:     "the server does not have the call",
	StatusInterface: "the server does not have the interface",
	StatusProtocol:  "the server does not accept the order of the messages",
}

// Fault is the answer to a call that failed, or was refused.
type Fault struct{ Status uint32 }

// Error says it in words, with the number.
func (f *Fault) Error() string {
	if words, ok := faultWords[f.Status]; ok {
		return fmt.Sprintf("%s (%#x)", words, f.Status)
	}
	return fmt.Sprintf("the server answered with fault %#x", f.Status)
}

// Is makes a server without the interface ErrNoInterface, whichever way it
// says that.
func (f *Fault) Is(err error) bool { return err == ErrNoInterface && f.Status == StatusInterface }

// Reject is the answer to a bind that was refused (bind_nak, [MS-RPCE]
// 2.2.2.5).
type Reject struct{ Reason uint16 }

var rejectWords = map[uint16]string{
	1: "it has too much to do",
	2: "it has too many connections",
	4: "it speaks another version of the protocol",
	8: "it does not know the kind of authentication",
	9: "it does not accept the authentication",
}

// Reasons of a Reject that the Server gives.
const (
	rejectUnspecified = 0
	rejectVersion     = 4
	rejectAuthKind    = 8
	rejectAuth        = 9
)

// Error says it in words.
func (r *Reject) Error() string {
	if words, ok := rejectWords[r.Reason]; ok {
		return "the server refuses the connection: " + words
	}
	return fmt.Sprintf("the server refuses the connection with reason %d", r.Reason)
}
