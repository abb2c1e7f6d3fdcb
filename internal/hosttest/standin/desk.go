package standin

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"msg"
	"msg/internal/hosttest"
)

// Desk is a fake computer at which anybody can answer for anybody: a script
// has one user only. The sessions need an account.
type Desk struct{ *hosttest.Fake }

// Answer answers the newest message that waits, or the one with the ID.
func (d Desk) Answer(ctx context.Context, _ msg.Principal, a msg.Answer) (msg.Receipt, error) {
	list, err := d.Sessions(ctx)
	if err != nil {
		return msg.Receipt{}, err
	}
	for _, s := range list {
		r, err := d.Fake.Answer(ctx, msg.Principal{User: s.User, Account: s.Account, Terminal: s.Name, Session: s.ID}, a)
		if !errors.Is(err, msg.ErrNothing) {
			return r, err
		}
	}
	return msg.Receipt{}, msg.ErrNothing
}

// Save writes what the sessions were shown to a folder, one file each.
func (d Desk) Save(dir string) error {
	list, err := d.Sessions(context.Background())
	if err != nil {
		return err
	}
	for _, s := range list {
		if err := os.WriteFile(filepath.Join(dir, s.ID), []byte(d.Screen(s).String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
