package host

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"msg/internal/wts"
)

// Examine calls what a message would need, for a report that may be shown to
// others: nobody is sent anything, and nobody is named.
func Examine(ctx context.Context) []Finding {
	var f findings
	f.add("system", "%s", system())
	f.add("rights", "%s", rights())
	f.add("groups", "%s", groups())
	own, err := wts.Own()
	if err == nil {
		f.add("ProcessIdToSessionId", "session %d", own)
	} else {
		f.add("ProcessIdToSessionId", "%v", err)
	}
	if id, ok := wts.Console(); ok {
		f.add("WTSGetActiveConsoleSessionId", "session %d", id)
	} else {
		f.add("WTSGetActiveConsoleSessionId", "none")
	}
	l, err := Open()
	if err != nil {
		f.add("sessions", "%v", err)
		return f
	}
	defer l.Close()
	var who people
	l.Examine(ctx, f.add, who.describe)
	return f
}

// system names the release, the edition (Home is Core) and the build.
func system() string {
	v := windows.RtlGetVersion()
	line := fmt.Sprintf("Windows %d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SOFTWARE\Microsoft\Windows NT\CurrentVersion`, registry.QUERY_VALUE)
	if err != nil {
		return line + ", edition: " + Numbered(err)
	}
	defer key.Close()
	for _, name := range []string{"ProductName", "EditionID", "DisplayVersion"} {
		if value, _, err := key.GetStringValue(name); err == nil && value != "" {
			line += ", " + name + " " + value
		}
	}
	if n, _, err := key.GetIntegerValue("UBR"); err == nil {
		line += fmt.Sprintf(", revision %d", n)
	}
	return line
}

// groups says whether Windows tells of the account of this process what msgd
// asks it of others: rules about groups of recipients need that. A token has a
// few groups more, such as those for how somebody has signed in.
func groups() string {
	token := windows.GetCurrentProcessToken()
	user, err := token.GetTokenUser()
	if err != nil {
		return Numbered(err)
	}
	held, err := token.GetTokenGroups()
	if err != nil {
		return Numbered(err)
	}
	begin := time.Now()
	if _, err := wts.Find(user.User.Sid.String()); err != nil {
		return err.Error()
	}
	told, err := wts.Groups(user.User.Sid.String())
	if err != nil {
		return err.Error()
	}
	common := 0
	for _, g := range held.AllGroups() {
		if slices.Contains(told, g.Sid.String()) {
			common++
		}
	}
	return fmt.Sprintf("%d of %d of the token, and %d others, after %v", common, held.GroupCount, len(told)-common, took(begin))
}

// rights says what the token of this process can: an administrator who has not
// started it as one is no administrator here.
func rights() string {
	token := windows.GetCurrentProcessToken() // no handle that has to be closed
	line := "not elevated"
	if token.IsElevated() {
		line = "elevated"
	}
	for _, c := range []struct {
		kind windows.WELL_KNOWN_SID_TYPE
		name string
	}{{windows.WinBuiltinAdministratorsSid, "Administrators"}, {windows.WinBuiltinRemoteDesktopUsersSid, "Remote Desktop Users"}} {
		sid, err := windows.CreateWellKnownSid(c.kind)
		if err != nil {
			line += ", " + c.name + ": " + Numbered(err)
			continue
		}
		// The token zero is that of the calling thread, see CheckTokenMembership.
		member, err := windows.Token(0).IsMember(sid)
		switch {
		case err != nil:
			line += ", " + c.name + ": " + Numbered(err)
		case member:
			line += ", in " + c.name
		default:
			line += ", not in " + c.name
		}
	}
	return line
}
