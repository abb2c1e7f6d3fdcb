package stations

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"msg"
	"msg/internal/wts"
)

// examined is what Examine finds, by what it is about.
func examined(t *testing.T, f *fakeServices) map[string]string {
	found := map[string]string{}
	f.computer().Examine(t.Context(), func(about, format string, args ...any) { found[about] += fmt.Sprintf(format, args...) },
		func(x msg.Session) string { return x.Name + ", somebody" })
	return found
}

// wantFinding compares with a regular expression.
func wantFinding(t *testing.T, found map[string]string, about, want string) {
	t.Helper()
	if got := found[about]; !regexp.MustCompile(`\A(?:` + want + `)\z`).MatchString(got) {
		t.Errorf("%s: %q, want %s", about, got, want)
	}
}

func TestExamineStations(t *testing.T) {
	evicted := seated(3, "RDP-Tcp#3", "alice")
	evicted.queryErr = &wts.Error{Call: "WTSQuerySessionInformationW", Code: wts.ErrorAccessDenied, Text: "Access is denied."}
	listener := fakeStation{Session: wts.Session{ID: 65536, Name: "RDP-Tcp", State: wts.Listen}}
	f := newFakeServices(t, seated(2, "Console", "bob"), evicted, listener)
	found := examined(t, f)
	wantFinding(t, found, "WTSEnumerateSessionsW", `3 sessions, in \S+s`)
	wantFinding(t, found, "session 2", `Console, somebody; user: ok, domain: ok, times: ok`)
	wantFinding(t, found, "session 3", `RDP-Tcp#3, somebody; user: \S+: error 5: Access is denied, domain: \S+: error 5: .*`)
	wantFinding(t, found, "session 65536", `RDP-Tcp, nobody, listen; .*`)
	wantFinding(t, found, "WTSSendMessageW", `to session 1003, which does not exist: WTSSendMessageW: error 7022: not found`)
	if len(f.sent()) > 0 {
		t.Errorf("sent %+v", f.sent())
	}
	for about, line := range found {
		if strings.Contains(line, "bob") || strings.Contains(line, "alice") {
			t.Errorf("%s: %q names somebody", about, line)
		}
	}
	f.listErr = &wts.Error{Call: "WTSEnumerateSessionsW"}
	found = examined(t, f)
	wantFinding(t, found, "WTSEnumerateSessionsW", `WTSEnumerateSessionsW has failed, and Windows gives no reason \(error 0\), after \S+s`)
}
