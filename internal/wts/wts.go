// Package wts is the Terminal Services API of Windows, and what it has about
// accounts: one function for each call that is needed, with Go's types and
// nothing decided.
//
// It promises that libraries are taken from System32 only, that what a call
// has allocated is freed, that lengths are in the unit that each call wants,
// and that the system's error number is read only after a call that has failed:
// after one that has not, it is left over from something else. The numbers and
// layouts are in this file, for all systems, so that a test can hold them
// against the headers of mingw-w64; the calls are for Windows only. Start with
// Open. The documentation is learn.microsoft.com/windows/win32/api/wtsapi32.
package wts

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// Error is a call that has failed.
type Error struct {
	Call string // the name of the function
	Code uint32 // the system's number; 0 if it gave none
	Text string // the system's words for it
}

// Error names the call, the number and the words.
func (e *Error) Error() string {
	if e.Code == 0 {
		return e.Call + " has failed, and Windows gives no reason (error 0)"
	}
	return fmt.Sprintf("%s: error %d: %s", e.Call, e.Code, strings.TrimSuffix(e.Text, "."))
}

// Session is WTS_SESSION_INFOW.
type Session struct {
	ID    uint32
	Name  string // of the window station; empty for a session in the background
	State State
}

// State is WTS_CONNECTSTATE_CLASS.
type State uint32

// The states of a session.
const (
	Active       State = 0
	Connected    State = 1
	ConnectQuery State = 2
	Shadow       State = 3
	Disconnected State = 4
	Idle         State = 5
	Listen       State = 6
	Reset        State = 7
	Down         State = 8
	Init         State = 9
)

// Class is WTS_INFO_CLASS, for what is a string.
type Class uint32

// What can be asked of a session.
const (
	UserName   Class = 5
	DomainName Class = 7

	sessionInfo Class = 24 // WTSINFOW
)

// Times are those of WTSINFOW; what Windows does not know is the zero time.
type Times struct {
	LastInput time.Time
	Logon     time.Time
	Current   time.Time // of the computer that was asked, at that moment
}

// Box is a message box, as WTSSendMessageW takes it.
type Box struct {
	Title, Text string        // no NUL in them
	Style       uint32        // a set of buttons
	Timeout     time.Duration // whole seconds; 0 has no end
}

// Styles of a message box.
const (
	StyleOK          uint32 = 0
	StyleOKCancel    uint32 = 1
	StyleYesNoCancel uint32 = 3
	StyleYesNo       uint32 = 4
	StyleRetryCancel uint32 = 5
	StyleForeground  uint32 = 0x10000
	StyleTopmost     uint32 = 0x40000
)

// Response is what a message box says.
type Response uint32

// The responses.
const (
	ResponseOK      Response = 1
	ResponseCancel  Response = 2
	ResponseRetry   Response = 4
	ResponseYes     Response = 6
	ResponseNo      Response = 7
	ResponseTimeout Response = 32000
	ResponseAsync   Response = 32001 // it is shown, and nobody waits
)

// Errors of Windows that mean something here (winerror.h).
const (
	ErrorFileNotFound    uint32 = 2
	ErrorAccessDenied    uint32 = 5
	ErrorBadNetPath      uint32 = 53
	ErrorInvalidParam    uint32 = 87
	ErrorLogonFailure    uint32 = 1326
	ErrorServerDown      uint32 = 1722 // RPC_S_SERVER_UNAVAILABLE
	ErrorCallFailed      uint32 = 1726 // RPC_S_CALL_FAILED
	ErrorNoEndpoint      uint32 = 1753 // EPT_S_NOT_REGISTERED
	ErrorBadStub         uint32 = 1783 // RPC_X_BAD_STUB_DATA
	ErrorSecurityPackage uint32 = 1825 // RPC_S_SEC_PKG_ERROR
	ErrorNoWinStation    uint32 = 7022 // ERROR_CTX_WINSTATION_NOT_FOUND
	ErrorNobodySignedIn  uint32 = 0x8000401a
)

// currentServer is WTS_CURRENT_SERVER_HANDLE.
const currentServer = 0

// rawSession is WTS_SESSION_INFOW. The compiler puts the fields where the C
// compiler puts them, on 32 bits as well.
type rawSession struct {
	id    uint32
	name  *uint16
	state uint32
}

// rawInfo is WTSINFOW. What Go would lay out otherwise on 32 bits is written
// out.
type rawInfo struct {
	state      uint32
	id         uint32
	traffic    [6]uint32
	name       [32]uint16
	domain     [17]uint16
	user       [21]uint16
	_          [4]byte
	connect    int64 // times are FILETIMEs: 100 ns since 1601
	disconnect int64
	lastInput  int64
	logon      int64
	current    int64
}

// epoch is 1970 as a FILETIME.
const epoch = 116444736000000000

// fileTime is a FILETIME as Go has it; 0 is unknown.
func fileTime(t int64) time.Time {
	if t <= 0 {
		return time.Time{}
	}
	ticks := t - epoch
	return time.Unix(ticks/1e7, ticks%1e7*100)
}

// units are the UTF-16 of s with a NUL behind it, and how many bytes they take
// without it.
func units(s string) (u []uint16, bytes uint32) {
	u = utf16.Encode([]rune(s))
	return append(u, 0), uint32(2 * len(u))
}
