package wts

import (
	"errors"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The part of the Authorization API that tells the groups of somebody who need
// not be signed in.
var (
	authz                  = windows.NewLazySystemDLL("authz.dll")
	initResourceManager    = authz.NewProc("AuthzInitializeResourceManager")
	freeResourceManager    = authz.NewProc("AuthzFreeResourceManager")
	initContextFromSID     = authz.NewProc("AuthzInitializeContextFromSid")
	informationFromContext = authz.NewProc("AuthzGetInformationFromContext")
	freeContext            = authz.NewProc("AuthzFreeContext")
)

// sidOf is LookupAccountNameW. What looks like a SID is one.
func sidOf(name string) (*windows.SID, error) {
	if upper := strings.ToUpper(name); strings.HasPrefix(upper, "S-1-") {
		sid, err := windows.StringToSid(upper)
		return sid, failed("ConvertStringSidToSidW", err)
	}
	if name == "" || strings.ContainsRune(name, 0) {
		return nil, &Error{Call: "LookupAccountNameW", Code: ErrorNoneMapped, Text: windows.ERROR_NONE_MAPPED.Error()}
	}
	sid, _, _, err := windows.LookupSID("", name)
	return sid, failed("LookupAccountNameW", err)
}

// Find is LookupAccountNameW, and LookupAccountSidW back to the name that Windows
// itself has for the account. A name without a domain is looked for on this
// computer first; what looks like a SID is one, which is the same whatever
// language Windows has.
//
// It may take as long as a domain controller does, as may Groups. The error is
// an *Error, with ErrorNoneMapped for a name that nobody has.
func Find(name string) (Account, error) {
	sid, err := sidOf(name)
	if err != nil {
		return Account{}, err
	}
	user, domain, use, err := sid.LookupAccount("")
	if err != nil {
		return Account{}, failed("LookupAccountSidW", err)
	}
	a := Account{SID: sid.String(), Name: user, User: use == userUse}
	if domain != "" && user != "" {
		a.Name = domain + `\` + user
	}
	return a, nil
}

// Groups lists the SIDs of all groups that a user would have on this computer
// after signing in: of the domain and of the computer, also those that a group
// is in, and those that Windows gives everybody. In a domain the account of
// this process has to be allowed to read that; SYSTEM usually is.
func Groups(sid string) ([]string, error) {
	user, err := windows.StringToSid(sid)
	if err != nil {
		return nil, failed("ConvertStringSidToSidW", err)
	}
	var manager, client uintptr
	if _, err := call(initResourceManager, noAudit, 0, 0, 0, 0, uintptr(unsafe.Pointer(&manager))); err != nil {
		return nil, err
	}
	defer func() { _, _ = call(freeResourceManager, manager) }()
	if err := newContext(user, manager, &client); err != nil {
		return nil, err
	}
	defer func() { _, _ = call(freeContext, client) }()
	return groupsOf(client)
}

// newContext is AuthzInitializeContextFromSid. Its LUID, which nothing is made
// of, is passed by value and takes two arguments on 32 bits.
func newContext(user *windows.SID, manager uintptr, client *uintptr) error {
	if unsafe.Sizeof(manager) == 4 {
		_, err := call(initContextFromSID, 0, uintptr(unsafe.Pointer(user)), manager, 0, 0, 0, 0, uintptr(unsafe.Pointer(client)))
		return err
	}
	_, err := call(initContextFromSID, 0, uintptr(unsafe.Pointer(user)), manager, 0, 0, 0, uintptr(unsafe.Pointer(client)))
	return err
}

// groupsOf asks how much there is, and then for it; in between it can have
// become more.
func groupsOf(client uintptr) ([]string, error) {
	var buffer []uint64 // TOKEN_GROUPS has pointers
	for {
		size, needed := uint32(8*len(buffer)), uint32(0)
		_, err := call(informationFromContext, client, groupsSIDs, uintptr(size), uintptr(unsafe.Pointer(&needed)),
			uintptr(unsafe.Pointer(unsafe.SliceData(buffer))))
		if err == nil {
			break
		}
		var refused *Error
		if !errors.As(err, &refused) || refused.Code != errorInsufficientBuffer || needed <= size {
			return nil, err
		}
		buffer = make([]uint64, (needed+7)/8)
	}
	if len(buffer) == 0 {
		return nil, nil
	}
	var sids []string
	for _, g := range (*windows.Tokengroups)(unsafe.Pointer(&buffer[0])).AllGroups() {
		sids = append(sids, g.Sid.String())
	}
	return sids, nil
}

// failed is the error of a call that x/sys makes.
func failed(name string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Call: name, Code: code(err), Text: err.Error()}
}
