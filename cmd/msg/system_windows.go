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

// sender is who sends: DOMAIN\user. os/user would also look up the full name
// of the account, for which Windows may ask a domain that is far away.
func sender() string {
	size := uint32(256)
	name := make([]uint16, size)
	if err := windows.GetUserNameEx(windows.NameSamCompatible, &name[0], &size); err != nil {
		return account.Caller()
	}
	return windows.UTF16ToString(name[:size])
}
