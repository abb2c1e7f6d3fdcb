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
