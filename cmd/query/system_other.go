//go:build !windows

package main

import (
	"context"

	"msg"
	"msg/internal/login"
	"msg/internal/tsts"
)

// nativeRPC says that the system has no remote calls of its own.
const nativeRPC = false

// signIn is one for all computers: there is one account in a command.
var signIn tsts.SignIn

// openRPC opens a Windows computer by remote calls.
func openRPC(ctx context.Context, name string, from *login.Source) (msg.Host, error) {
	a, err := from.Account()
	if err != nil {
		return nil, err
	}
	return tsts.Open(ctx, tsts.Options{Name: name, Account: a, SignIn: &signIn})
}
