//go:build !windows

package main

import "msg"

// openRPC is nil: only Windows has remote calls of its own.
var openRPC func(name string) (msg.Host, error)
