package host

import (
	"strings"
	"testing"

	"msg/internal/wts"
)

func TestExamineStations(t *testing.T) {
	evicted := seated(3, "RDP-Tcp#3", "alice")
	evicted.queryErr = &wts.Error{Call: "WTSQuerySessionInformationW", Code: wts.ErrorAccessDenied, Text: "Access is denied."}
	listener := fakeStation{Session: wts.Session{ID: 65536, Name: "RDP-Tcp", State: wts.Listen}}
	f := newFakeServices(t, seated(2, "Console", "bob"), evicted, listener)
	var found findings
	f.computer().examine(t.Context(), &found)
	wantFinding(t, found, "WTSEnumerateSessionsW", `3 sessions, in \S+s`)
	wantFinding(t, found, "session 2", `Console, user 1, desktop, active, found by wts, at the console; user: ok, domain: ok, times: ok`)
	wantFinding(t, found, "session 3", `RDP-Tcp#3, user 2, .*; user: \S+: error 5: Access is denied, domain: \S+: error 5: .*`)
	wantFinding(t, found, "session 65536", `RDP-Tcp, nobody, listen; .*`)
	wantFinding(t, found, "WTSSendMessageW", `to session 1003, which does not exist: WTSSendMessageW: error 7022: not found`)
	if len(f.sent()) > 0 {
		t.Errorf("sent %+v", f.sent())
	}
	for _, x := range found {
		if strings.Contains(x.Found, "bob") || strings.Contains(x.Found, "alice") {
			t.Errorf("%s: %q names somebody", x.About, x.Found)
		}
	}
	f.listErr = &wts.Error{Call: "WTSEnumerateSessionsW"}
	found = nil
	f.computer().examine(t.Context(), &found)
	wantFinding(t, found, "WTSEnumerateSessionsW", `WTSEnumerateSessionsW has failed, and Windows gives no reason \(error 0\), after \S+s`)
}
