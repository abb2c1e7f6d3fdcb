package main

import (
	"errors"
	"fmt"

	"msg/internal/account"
	"msg/internal/wts"
)

// newAccounts is who is who on this computer and in its domain.
func newAccounts() *account.DB {
	return account.NewNames(account.Names{Find: findAccount, Groups: wts.Groups})
}

func findAccount(name string) (account.Named, error) {
	a, err := wts.Find(name)
	var refused *wts.Error
	if errors.As(err, &refused) && refused.Code == wts.ErrorNoneMapped {
		return account.Named{}, fmt.Errorf("%w: %w", account.ErrUnknown, err)
	}
	return account.Named{ID: a.SID, Name: a.Name, User: a.User}, err
}
