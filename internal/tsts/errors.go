package tsts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"

	"github.com/cloudsoda/go-smb2"

	"msg"
	"msg/internal/wts"
)

// ErrNotThere is wrapped by the error of Open for a computer that speaks SMB and
// has no Terminal Services: a Linux computer with Samba alone.
const ErrNotThere = msg.UnsupportedError("it has no Terminal Services")

// Errors of Windows beside those of package wts (winerror.h).
const (
	errorAccountRestriction = 1327
	errorPasswordExpired    = 1330
	errorAccountDisabled    = 1331
	errorLogonType          = 1385
	errorTimeSkew           = 1398
	errorUnknownInterface   = 1717
	errorBusy               = 1723
	errorProcedure          = 1745
	errorNoTrust            = 1789
	errorAccountExpired     = 1793
	errorMustChange         = 1907
	errorLockedOut          = 1909
	errorInvalidState       = 5023
)

// words are Windows' own for its numbers.
var words = map[uint32]string{
	wts.ErrorFileNotFound:    "The system cannot find the file specified.",
	wts.ErrorAccessDenied:    "Access is denied.",
	wts.ErrorInvalidParam:    "The parameter is incorrect.",
	wts.ErrorLogonFailure:    "The user name or password is incorrect.",
	errorAccountRestriction:  "Account restrictions are preventing this user from signing in.",
	errorPasswordExpired:     "The password for this account has expired.",
	errorAccountDisabled:     "This user can't sign in because this account is currently disabled.",
	errorLogonType:           "Logon failure: the user has not been granted the requested logon type at this computer.",
	errorTimeSkew:            "There is a time and/or date difference between the client and server.",
	errorUnknownInterface:    "The interface is unknown.",
	wts.ErrorServerDown:      "The RPC server is unavailable.",
	wts.ErrorCallFailed:      "The remote procedure call failed.",
	errorBusy:                "The RPC server is too busy to complete this operation.",
	errorProcedure:           "The procedure number is out of range.",
	wts.ErrorBadStub:         "The stub received bad data.",
	errorNoTrust:             "The trust relationship between this workstation and the primary domain failed.",
	errorAccountExpired:      "The user's account has expired.",
	wts.ErrorSecurityPackage: "A security package specific error occurred.",
	errorMustChange:          "The user's password must be changed before signing in.",
	errorLockedOut:           "The referenced account is currently locked out and may not be logged on to.",
	errorInvalidState:        "The group or resource is not in the correct state to perform the requested operation.",
	wts.ErrorNoWinStation:    "There is no session of that number.",
	wts.ErrorNobodySignedIn:  "The server process could not be started because the configured identity is incorrect.",
}

// numbered is an error of Windows.
func numbered(call string, code uint32) *wts.Error {
	text := words[code]
	if text == "" {
		text = fmt.Sprintf("Windows has no words for it (0x%08X).", code)
	}
	return &wts.Error{Call: call, Code: code, Text: text}
}

// ofStatus is the error of an HRESULT; nil if it is none.
func ofStatus(call string, status uint32) error {
	switch {
	case status == StatusOK:
		return nil
	case status>>16 == 0x8007: // FACILITY_WIN32
		return numbered(call, status&0xffff)
	case status>>28 == 0xC: // some calls hand through the NTSTATUS that they got
		return ofNT(call, status)
	}
	return numbered(call, status)
}

// codes are the Win32 errors of NTSTATUS, as RtlNtStatusToDosError has them.
var codes = map[uint32]uint32{
	NTInvalidHandle:    6,
	NTInvalidParameter: wts.ErrorInvalidParam,
	NTAccessDenied:     wts.ErrorAccessDenied,
	NTNoWinStation:     wts.ErrorNoWinStation,
	0xC000006D:         wts.ErrorLogonFailure, // STATUS_LOGON_FAILURE
	0xC0000064:         wts.ErrorLogonFailure, // STATUS_NO_SUCH_USER
	0xC000006A:         wts.ErrorLogonFailure, // STATUS_WRONG_PASSWORD
	0xC000006E:         errorAccountRestriction,
	0xC000006F:         errorAccountRestriction, // STATUS_INVALID_LOGON_HOURS
	0xC0000070:         errorAccountRestriction, // STATUS_INVALID_WORKSTATION
	0xC0000071:         errorPasswordExpired,
	0xC0000072:         errorAccountDisabled,
	0xC000015B:         errorLogonType,
	0xC0000133:         errorTimeSkew,
	0xC000018D:         errorNoTrust, // STATUS_TRUSTED_RELATIONSHIP_FAILURE
	0xC000018A:         errorNoTrust, // STATUS_NO_TRUST_LSA_SECRET
	0xC0000193:         errorAccountExpired,
	0xC0000224:         errorMustChange,
	0xC0000234:         errorLockedOut,
}

// NTSTATUS of a pipe that is not there, or that nobody serves.
var absent = map[uint32]bool{
	0xC0000034: true, // STATUS_OBJECT_NAME_NOT_FOUND
	0xC000003A: true, // STATUS_OBJECT_PATH_NOT_FOUND
	0xC00000AC: true, // STATUS_PIPE_NOT_AVAILABLE
	0xC00000AE: true, // STATUS_PIPE_BUSY
	0xC00000B0: true, // STATUS_PIPE_DISCONNECTED
	0xC0000236: true, // STATUS_CONNECTION_REFUSED
}

// ofNT is the error of an NTSTATUS of a failure.
func ofNT(call string, status uint32) error {
	if code, ok := codes[status]; ok {
		return numbered(call, code)
	}
	return numbered(call, status)
}

// ofSMB is the error of a request of SMB.
func ofSMB(call string, err error) error {
	var response *smb2.ResponseError
	var transport *smb2.TransportError
	var network net.Error
	if errors.As(err, &transport) {
		err = transport.Err // which it does not let errors.Is see
	}
	switch {
	case errors.Is(err, errGuest):
		return numbered(call, wts.ErrorLogonFailure)
	case errors.As(err, &response) && absent[response.Code], errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", call, ErrNotThere)
	case errors.As(err, &response):
		return ofNT(call, response.Code)
	case errors.Is(err, fs.ErrPermission):
		return numbered(call, wts.ErrorAccessDenied)
	case transport != nil, errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return numbered(call, wts.ErrorServerDown)
	}
	return err
}
