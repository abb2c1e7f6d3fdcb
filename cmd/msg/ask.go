package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"msg"
	"msg/internal/cli"
	"msg/internal/control"
)

// answer gives the answer of whoever was asked.
func (p program) answer(ctx context.Context, m cli.Msg, ui *ui) error {
	receipt, err := p.router.Answer(ctx, m.Answer)
	switch {
	case errors.Is(err, control.ErrNoDaemon):
		return fmt.Errorf("%w: %w", msg.ErrNothing, err)
	case err != nil:
		return err
	}
	ui.result(cli.GivenLine(receipt, m.Answer.Button), receipt)
	return nil
}

// dnd changes or tells the user's do-not-disturb.
func (p program) dnd(ctx context.Context, m cli.Msg, ui *ui) error {
	c, err := p.router.To(ctx, here)
	if err != nil {
		return err
	}
	defer c.Close()
	now := time.Now()
	if m.Do == cli.DoSetDND {
		d, err := m.DND.At(now)
		if err == nil {
			err = c.SetDND(ctx, d)
		}
		if err != nil {
			return noDND(err)
		}
	}
	d, err := c.DND(ctx)
	if err != nil {
		return noDND(err)
	}
	d.Until = d.Until.Local()
	ui.result(cli.DNDLine(d, now, p.dates), d)
	return nil
}

// noDND says what needs the msgd that is not running.
func noDND(err error) error {
	if errors.Is(err, control.ErrNoDaemon) {
		return fmt.Errorf("do-not-disturb needs msgd: %w", err)
	}
	return err
}
