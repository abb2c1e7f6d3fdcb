//go:build remote && !windows

package main

import (
	"context"

	"msg"
	"msg/internal/login"
	"msg/internal/tsts"
)

// This program is msg-remote, see remoteProgram.
func init() {
	var signIn tsts.SignIn // there is one account in a command
	openRPC = func(ctx context.Context, name string, from *login.Source) (msg.Host, error) {
		a, err := from.Account()
		if err != nil {
			return nil, err
		}
		return tsts.Open(ctx, tsts.Options{Name: name, Account: a, SignIn: &signIn})
	}
}
