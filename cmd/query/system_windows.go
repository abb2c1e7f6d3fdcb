package main

import (
	"context"
	"errors"

	"msg"
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
