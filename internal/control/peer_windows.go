package control

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"msg"
	"msg/internal/wts"
)

// peer is who is at the other end of a pipe, as Windows knew it when that
// process connected.
type peer struct {
	sid     string
	groups  []string // SIDs of those that count
	denied  []string // and of those that count for what is forbidden only
	session uint32
}

var impersonateNamedPipeClient = windows.NewLazySystemDLL("advapi32.dll").NewProc("ImpersonateNamedPipeClient")

// peerOf puts on the client's identity for as long as it takes to look at it.
// That belongs to the thread. A thread that could not take it off again would
// do the work of others in the client's name, so that ends the program.
func peerOf(c net.Conn) (peer, error) {
	handle, err := handleOf(c)
	if err != nil {
		return peer{}, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if ok, _, err := impersonateNamedPipeClient.Call(uintptr(handle)); ok == 0 {
		return peer{}, fmt.Errorf("ImpersonateNamedPipeClient: %w", err)
	}
	defer func() {
		if err := windows.RevertToSelf(); err != nil {
			panic(fmt.Errorf("RevertToSelf: %w", err))
		}
	}()
	var token windows.Token
	if err := windows.OpenThreadToken(windows.CurrentThread(), windows.TOKEN_QUERY, true, &token); err != nil {
		return peer{}, fmt.Errorf("OpenThreadToken: %w", err)
	}
	defer token.Close()
	return peerOfToken(token)
}

func peerOfToken(token windows.Token) (peer, error) {
	user, err := token.GetTokenUser()
	if err != nil {
		return peer{}, fmt.Errorf("user of a token: %w", err)
	}
	groups, err := token.GetTokenGroups()
	if err != nil {
		return peer{}, fmt.Errorf("groups of a token: %w", err)
	}
	p := peer{sid: user.User.Sid.String()}
	for _, g := range groups.AllGroups() {
		// Administrators who have not started a program as such have the group
		// for denials only.
		switch {
		case g.Attributes&windows.SE_GROUP_USE_FOR_DENY_ONLY != 0:
			p.denied = append(p.denied, g.Sid.String())
		case g.Attributes&windows.SE_GROUP_ENABLED != 0:
			p.groups = append(p.groups, g.Sid.String())
		}
	}
	var size uint32
	err = windows.GetTokenInformation(token, windows.TokenSessionId, (*byte)(unsafe.Pointer(&p.session)), uint32(unsafe.Sizeof(p.session)), &size)
	if err != nil {
		return peer{}, fmt.Errorf("session of a token: %w", err)
	}
	return p, nil
}

// account tells accounts apart, for the limits.
func (p peer) account() string { return p.sid }

func (p peer) superuser() bool {
	return p.sid == sidSystem || slices.Contains(p.groups, sidAdministrators)
}

// foreign is for systems on which one user can be thousands.
func (peer) foreign() bool { return false }

// principal makes a Principal of a client. Names are DOMAIN\user, as sessions
// have them, and without the computer, as Windows signs messages.
func (s *Server) principal(who peer, _ string) (msg.Principal, error) {
	p := msg.Principal{User: accountName(who.sid), Session: strconv.FormatUint(uint64(who.session), 10), Superuser: who.superuser()}
	p.Account = strings.ToLower(p.User)
	p.Groups, p.Unsure = s.Accounts.NamedMemberships(s.Groups, who.groups)
	p.Denied, _ = s.Accounts.NamedMemberships(s.Groups, who.denied) // those that cannot be told are in Unsure
	return p, nil
}

// accountName is the name of an account, or its SID where nobody knows it.
func accountName(sid string) string {
	if a, err := wts.Find(sid); err == nil && a.Name != "" {
		return a.Name
	}
	return sid
}
