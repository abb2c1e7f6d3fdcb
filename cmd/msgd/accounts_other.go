//go:build !windows

package main

import "msg/internal/account"

// newAccounts is who is who on this computer.
func newAccounts() *account.DB { return account.New() }
