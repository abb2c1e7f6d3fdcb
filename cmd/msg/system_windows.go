package main

import (
	"golang.org/x/sys/windows"

	"msg/internal/account"
	"msg/internal/host"
)

// openRPC opens another Windows computer.
var openRPC = host.OpenServer

// ownDir is empty: whoever is asked presses a button.
func ownDir() string { return "" }

// sender is who sends: DOMAIN\user, from the token of this process. os/user
// would also look up the full name of the account, for which Windows may ask a
// domain that is far away. GetUserNameEx would load secur32 and all it needs,
// which takes longer than the rest of a send.
func sender() string {
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return account.Caller()
	}
	name, domain, _, err := self.User.Sid.LookupAccount("")
	switch {
	case err != nil || name == "":
		return account.Caller()
	case domain == "":
		return name
	}
	return domain + `\` + name
}
