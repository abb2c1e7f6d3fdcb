package stations

import (
	"errors"
	"fmt"
	"strings"

	"msg"
	"msg/internal/wts"
)

// hasEnded reports whether a call has failed because there is no such session.
func hasEnded(err error) bool {
	var failed *wts.Error
	return errors.As(err, &failed) && (failed.Code == wts.ErrorNoWinStation || failed.Code == wts.ErrorFileNotFound)
}

// What keeps a Windows computer from telling its sessions, and what to do;
// %s is the computer. The causes are those that administrators have found,
// Microsoft's pages do not have them.
const (
	cureLocal    = "this account may not list the sessions of %s: run the command as administrator, or at the computer itself"
	cureAccess   = `%s refuses remote calls: set AllowRemoteRPC to 1 (a DWORD in HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server) there; or the account lacks the right`
	cureDown     = "%s does not answer Windows' remote calls: it is off, its name is wrong, or its firewall blocks TCP port 445; write ssh://%[1]s for a computer with ssh and msgd"
	cureLogon    = "%s does not know this account or its password: use one with the same name and password on both, a domain account, or runas /netonly"
	cureSecurity = "Kerberos does not know %s by that name: use its IP address"
	cureNone     = "%s has failed, and Windows gives no reason"
	cureOther    = "%s: %s; net helpmsg %d tells more"
)

// listError explains why there is no list.
func (s *Computer) listError(e *wts.Error) error {
	return &msg.SystemError{Code: e.Code, Text: e.Text, Cure: s.cure(e)}
}

// Explain gives an error of the system its cause and cure; others stay as they
// are.
func (s *Computer) Explain(err error) error {
	var e *wts.Error
	if errors.As(err, &e) {
		return s.listError(e)
	}
	return err
}

func (s *Computer) cure(e *wts.Error) string {
	if own, ok := s.Cures[e.Code]; ok {
		return strings.ReplaceAll(own, "%s", s.Name)
	}
	switch e.Code {
	case 0:
		return fmt.Sprintf(cureNone, s.Name)
	case wts.ErrorAccessDenied:
		if !s.Remote {
			return fmt.Sprintf(cureLocal, s.Name)
		}
		return fmt.Sprintf(cureAccess, s.Name)
	case wts.ErrorServerDown, wts.ErrorBadNetPath, wts.ErrorCallFailed, wts.ErrorNoEndpoint:
		return fmt.Sprintf(cureDown, s.Name)
	case wts.ErrorLogonFailure:
		return fmt.Sprintf(cureLogon, s.Name)
	case wts.ErrorSecurityPackage:
		return fmt.Sprintf(cureSecurity, s.Name)
	}
	return fmt.Sprintf(cureOther, s.Name, e.Text, e.Code)
}

// sendDetail explains why one session was not sent to. The number comes first,
// as in the line of Windows' msg; units is how long the text is.
func sendDetail(err error, units int) string {
	var e *wts.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	why := e.Text
	switch e.Code {
	case 0:
		why = "Windows gives no reason"
	case wts.ErrorAccessDenied:
		why = "this account lacks the Message permission of that session, which administrators have"
	case wts.ErrorNobodySignedIn:
		why = "nobody is really signed in there"
	case wts.ErrorInvalidParam, wts.ErrorBadStub:
		if units > RemoteUnits {
			why = fmt.Sprintf("the text may be too long for this Windows: it has %d UTF-16 units, %d are always taken", units, RemoteUnits)
		}
	}
	return fmt.Sprintf("Error %d: %s", e.Code, why)
}
