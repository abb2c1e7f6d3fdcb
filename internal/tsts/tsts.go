// Package tsts speaks the protocol of Windows' Terminal Services ([MS-TSTS]),
// by which msg.exe and query.exe reach another computer.
//
// The calls are plain structs that both sides use: Marshal and Unmarshal turn
// each into the data of a remote call and back. What a peer sends is bounded,
// and what follows the parameters of a call is ignored, because some programs
// send more than the interface has.
//
// Start with Body, and with the table of interfaces below.
package tsts

// The pipes, which smbd and Windows know by these names in any case.
const (
	PipeLSM  = "LSM_API_service"            // the interfaces TermSrvSession and TermSrvEnumeration
	PipeRCM  = "TermSrv_API_service"        // RCMPublic
	PipeWSta = "Ctx_WinStation_API_service" // IcaApi, the one that was there before Vista
)

// The interfaces, all of version 1.0 ([MS-TSTS] 1.9).
const (
	UUIDSession     = "484809d6-4239-471b-b5bc-61df8c23ac48" // TermSrvSession
	UUIDEnumeration = "88143fd0-c28d-4b2b-8fef-8d882f6a9390" // TermSrvEnumeration
	UUIDRCM         = "bde95fdf-eee0-45de-9e12-e5a61cd0d4fe" // RCMPublic
	UUIDIca         = "5ca4a760-ebb1-11cf-8611-00a0245420ed" // IcaApi
)

// Calls of TermSrvEnumeration ([MS-TSTS] 3.3.4.3), with their bodies.
const (
	OpOpenEnum            = 0  // Nothing, HandleResult
	OpCloseEnum           = 1  // HandleArgs, HandleResult
	OpFilterByState       = 2  // FilterArgs, StatusResult
	OpFilterByCallersName = 3  // HandleArgs, StatusResult
	OpGetEnumResult       = 5  // EnumArgs, EnumResult
	OpGetEnumResultEx     = 9  // EnumArgs, EnumResult
	OpGetAllSessions      = 10 // AllArgs, AllResult
)

// Calls of TermSrvSession ([MS-TSTS] 3.3.4.1), with their bodies.
const (
	OpOpenSession             = 0  // SessionArgs, HandleResult
	OpCloseSession            = 1  // HandleArgs, HandleResult
	OpGetUserName             = 5  // HandleArgs, UserResult
	OpGetTerminalName         = 6  // HandleArgs, NameResult
	OpGetState                = 7  // HandleArgs, StateResult
	OpIsSessionDesktopLocked  = 8  // HandleArgs, StatusResult
	OpShowMessageBox          = 9  // BoxArgs, BoxResult
	OpGetTimes                = 10 // HandleArgs, TimesResult
	OpGetSessionInformation   = 12 // SessionArgs, InfoResult
	OpGetLoggedOnCount        = 15 // Nothing, CountResult
	OpGetSessionType          = 16 // SessionArgs, TypeResult
	OpGetSessionInformationEx = 17 // InfoExArgs, InfoExResult
)

// Calls of RCMPublic ([MS-TSTS] 3.5.4.1), with their bodies.
const (
	OpGetClientData    = 0 // SessionArgs, DataResult
	OpGetRemoteAddress = 4 // SessionArgs, AddressResult
)

// Calls of IcaApi ([MS-TSTS] 3.7.4.1), with their bodies.
const (
	OpOpenServer       = 0  // Nothing, IcaOpenResult
	OpCloseServer      = 1  // HandleArgs, IcaResult
	OpEnumerate        = 3  // IcaEnumArgs, IcaEnumResult
	OpQueryInformation = 5  // IcaQueryArgs, IcaQueryResult
	OpSendMessage      = 7  // IcaSendArgs, IcaSendResult
	OpIDFromName       = 8  // IcaNameArgs, IcaIDResult
	OpNameFromID       = 9  // IcaIDArgs, IcaNameResult
	OpCloseServerEx    = 60 // HandleArgs, IcaCloseResult
)

// Results of calls other than IcaApi's: HRESULTs ([MS-ERREF] 2.1).
const (
	StatusOK            = 0
	StatusFileNotFound  = 0x80070002 // no such session, as the local session manager says it
	StatusAccessDenied  = 0x80070005
	StatusInvalidHandle = 0x80070006
	StatusInvalidParam  = 0x80070057
	StatusNoWinStation  = 0x80071B6E // no such session, as its caller says it
	StatusInvalidState  = 0x8007139F
)

// Results of IcaApi: NTSTATUS ([MS-ERREF] 2.3).
const (
	NTNoMoreEntries      = 0x8000001A
	NTInvalidInfoClass   = 0xC0000003
	NTInfoLengthMismatch = 0xC0000004
	NTInvalidHandle      = 0xC0000008
	NTInvalidParameter   = 0xC000000D
	NTAccessDenied       = 0xC0000022
	NTNoWinStation       = 0xC00A0015
)

// Flags of InfoExResult ([MS-TSTS] 2.2.2.6.1.1).
const (
	FlagsLocked   = 0
	FlagsUnlocked = 1
	FlagsUnknown  = 0xFFFFFFFF
)

// Kinds of sessions in TypeResult ([MS-TSTS] 2.2.2.18).
const (
	TypeUnknown = iota
	TypeServices
	TypeListener
	TypeDesktop
)
