package wts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// compiler is that of mingw-w64 for Windows on 64 bits, whose layouts are those
// of Go on any system of 64 bits.
const compiler = "x86_64-w64-mingw32-gcc"

// claim is a C expression and what Go has for it.
type claim struct {
	c    string
	is   uint64
	what string // for the failure
}

func number[T ~uint32 | ~int | ~uintptr](c string, is T) claim {
	return claim{c, uint64(is), fmt.Sprintf("%s is %d", c, is)}
}

func claims() []claim {
	var s rawSession
	var i rawInfo
	return []claim{
		number("sizeof(WTS_SESSION_INFOW)", unsafe.Sizeof(s)),
		number("offsetof(WTS_SESSION_INFOW, SessionId)", unsafe.Offsetof(s.id)),
		number("offsetof(WTS_SESSION_INFOW, pWinStationName)", unsafe.Offsetof(s.name)),
		number("offsetof(WTS_SESSION_INFOW, State)", unsafe.Offsetof(s.state)),
		number("sizeof(WTSINFOW)", unsafe.Sizeof(i)),
		number("offsetof(WTSINFOW, State)", unsafe.Offsetof(i.state)),
		number("offsetof(WTSINFOW, SessionId)", unsafe.Offsetof(i.id)),
		number("offsetof(WTSINFOW, IncomingBytes)", unsafe.Offsetof(i.traffic)),
		number("offsetof(WTSINFOW, WinStationName)", unsafe.Offsetof(i.name)),
		number("offsetof(WTSINFOW, Domain)", unsafe.Offsetof(i.domain)),
		number("offsetof(WTSINFOW, UserName)", unsafe.Offsetof(i.user)),
		number("offsetof(WTSINFOW, ConnectTime)", unsafe.Offsetof(i.connect)),
		number("offsetof(WTSINFOW, DisconnectTime)", unsafe.Offsetof(i.disconnect)),
		number("offsetof(WTSINFOW, LastInputTime)", unsafe.Offsetof(i.lastInput)),
		number("offsetof(WTSINFOW, LogonTime)", unsafe.Offsetof(i.logon)),
		number("offsetof(WTSINFOW, CurrentTime)", unsafe.Offsetof(i.current)),
		number("sizeof(((WTSINFOW *)0)->WinStationName)", unsafe.Sizeof(i.name)),
		number("sizeof(((WTSINFOW *)0)->Domain)", unsafe.Sizeof(i.domain)),
		number("sizeof(((WTSINFOW *)0)->UserName)", unsafe.Sizeof(i.user)),

		number("(ULONG_PTR)WTS_CURRENT_SERVER_HANDLE", currentServer),
		number("WTSActive", Active), number("WTSConnected", Connected), number("WTSConnectQuery", ConnectQuery),
		number("WTSShadow", Shadow), number("WTSDisconnected", Disconnected), number("WTSIdle", Idle),
		number("WTSListen", Listen), number("WTSReset", Reset), number("WTSDown", Down), number("WTSInit", Init),
		number("WTSUserName", UserName), number("WTSDomainName", DomainName), number("WTSSessionInfo", sessionInfo),

		number("MB_OK", StyleOK), number("MB_OKCANCEL", StyleOKCancel), number("MB_YESNOCANCEL", StyleYesNoCancel),
		number("MB_YESNO", StyleYesNo), number("MB_RETRYCANCEL", StyleRetryCancel),
		number("MB_SETFOREGROUND", StyleForeground), number("MB_TOPMOST", StyleTopmost),
		number("IDOK", ResponseOK), number("IDCANCEL", ResponseCancel), number("IDRETRY", ResponseRetry),
		number("IDYES", ResponseYes), number("IDNO", ResponseNo),
		number("IDTIMEOUT", ResponseTimeout), number("IDASYNC", ResponseAsync),

		number("ERROR_FILE_NOT_FOUND", ErrorFileNotFound), number("ERROR_ACCESS_DENIED", ErrorAccessDenied),
		number("ERROR_BAD_NETPATH", ErrorBadNetPath), number("ERROR_INVALID_PARAMETER", ErrorInvalidParam),
		number("ERROR_LOGON_FAILURE", ErrorLogonFailure), number("RPC_S_SERVER_UNAVAILABLE", ErrorServerDown),
		number("RPC_S_CALL_FAILED", ErrorCallFailed), number("EPT_S_NOT_REGISTERED", ErrorNoEndpoint),
		number("RPC_X_BAD_STUB_DATA", ErrorBadStub), number("RPC_S_SEC_PKG_ERROR", ErrorSecurityPackage),
		number("ERROR_CTX_WINSTATION_NOT_FOUND", ErrorNoWinStation),
		number("(DWORD)CO_E_RUNAS_LOGON_FAILURE", ErrorNobodySignedIn), number("ERROR_NONE_MAPPED", ErrorNoneMapped),
		number("ERROR_INSUFFICIENT_BUFFER", errorInsufficientBuffer),

		number("AUTHZ_RM_FLAG_NO_AUDIT", noAudit), number("AuthzContextInfoGroupsSids", groupsSIDs),
		number("SidTypeUser", userUse), number("sizeof(LUID)", 8),
	}
}

// prototypes are the functions as they are called here.
const prototypes = `
HANDLE (WINAPI *open_server)(LPWSTR) = WTSOpenServerW;
VOID (WINAPI *close_server)(HANDLE) = WTSCloseServer;
WINBOOL (WINAPI *enumerate)(HANDLE, DWORD, DWORD, PWTS_SESSION_INFOW *, DWORD *) = WTSEnumerateSessionsW;
WINBOOL (WINAPI *query)(HANDLE, DWORD, WTS_INFO_CLASS, LPWSTR *, DWORD *) = WTSQuerySessionInformationW;
WINBOOL (WINAPI *send_message)(HANDLE, DWORD, LPWSTR, DWORD, LPWSTR, DWORD, DWORD, DWORD, DWORD *, WINBOOL) = WTSSendMessageW;
WINBOOL (WINAPI *manager)(DWORD, PFN_AUTHZ_DYNAMIC_ACCESS_CHECK, PFN_AUTHZ_COMPUTE_DYNAMIC_GROUPS, PFN_AUTHZ_FREE_DYNAMIC_GROUPS,
	PCWSTR, AUTHZ_RESOURCE_MANAGER_HANDLE *) = AuthzInitializeResourceManager;
WINBOOL (WINAPI *free_manager)(AUTHZ_RESOURCE_MANAGER_HANDLE) = AuthzFreeResourceManager;
WINBOOL (WINAPI *context)(DWORD, PSID, AUTHZ_RESOURCE_MANAGER_HANDLE, LARGE_INTEGER *, LUID, VOID *,
	AUTHZ_CLIENT_CONTEXT_HANDLE *) = AuthzInitializeContextFromSid;
WINBOOL (WINAPI *information)(AUTHZ_CLIENT_CONTEXT_HANDLE, AUTHZ_CONTEXT_INFORMATION_CLASS, DWORD, PDWORD, PVOID) =
	AuthzGetInformationFromContext;
WINBOOL (WINAPI *free_context)(AUTHZ_CLIENT_CONTEXT_HANDLE) = AuthzFreeContext;
`

// compile compiles a C program that holds the claims, and returns what the
// compiler says.
func compile(t *testing.T, claims []claim) (output string, err error) {
	t.Helper()
	var b strings.Builder
	b.WriteString("#include <windows.h>\n#include <wtsapi32.h>\n#include <authz.h>\n#include <stddef.h>\n")
	for _, c := range claims {
		fmt.Fprintf(&b, "_Static_assert((unsigned long long)(%s) == %dull, %q);\n", c.c, c.is, c.what)
	}
	b.WriteString(prototypes)
	file := filepath.Join(t.TempDir(), "claims.c")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(compiler, "-fsyntax-only", "-Wall", "-Werror", "-D_WIN32_WINNT=0x0A00", file).CombinedOutput()
	return string(out), err
}

// TestHeaders holds every number, layout and prototype against the headers of
// mingw-w64, which nobody here has written.
func TestHeaders(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the compiler is one for 64 bits")
	}
	if _, err := exec.LookPath(compiler); err != nil {
		t.Skipf("needs %s (Debian: gcc-mingw-w64-x86-64)", compiler)
	}
	if out, err := compile(t, claims()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// A compiler that takes everything would say nothing about the others.
	for _, wrong := range []claim{number("sizeof(WTSINFOW)", 212), number("IDASYNC", 32000)} {
		if out, err := compile(t, []claim{wrong}); err == nil || !strings.Contains(out, wrong.what) {
			t.Errorf("%q is taken: %v\n%s", wrong.what, err, out)
		}
	}
}

func TestUnits(t *testing.T) {
	u, bytes := units("aß😀")
	if len(u) != 5 || u[4] != 0 || bytes != 8 {
		t.Errorf("%v, %d bytes", u, bytes)
	}
	if u, bytes := units(""); len(u) != 1 || bytes != 0 {
		t.Errorf("nothing: %v, %d bytes", u, bytes)
	}
}

func TestFileTime(t *testing.T) {
	for ticks, want := range map[int64]time.Time{
		0:                  {},
		-1:                 {},
		epoch:              time.Unix(0, 0),
		epoch + 15:         time.Unix(0, 1500),
		epoch - 1:          time.Unix(0, -100),
		134080056000000000: time.Date(2025, 11, 19, 6, 0, 0, 0, time.UTC),
	} {
		if got := fileTime(ticks); !got.Equal(want) {
			t.Errorf("%d is %v, want %v", ticks, got.UTC(), want)
		}
	}
}

func TestError(t *testing.T) {
	for want, e := range map[string]Error{
		"WTSSendMessageW: error 5: Access is denied":                        {"WTSSendMessageW", 5, "Access is denied."},
		"WTSSendMessageW has failed, and Windows gives no reason (error 0)": {"WTSSendMessageW", 0, "The operation completed successfully."},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
