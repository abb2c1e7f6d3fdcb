package main

import (
	"context"
	"errors"

	"golang.org/x/sys/windows"

	"msg"
	"msg/internal/account"
	"msg/internal/host"
	"msg/internal/login"
)

// nativeRPC says that the remote calls are this system's own.
const nativeRPC = true

// openRPC opens another Windows computer with the account of this process.
func openRPC(_ context.Context, name string, from *login.Source) (msg.Host, error) {
	if from.User != "" {
		return nil, errors.New("Windows takes the account of this program: start it with runas /netonly /user:NAME")
	}
	return host.OpenServer(name)
}

// runRemote has nothing to do: this program has the remote calls.
func runRemote() {}

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
