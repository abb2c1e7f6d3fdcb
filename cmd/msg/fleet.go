package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"msg"
	"msg/internal/cli"
)

// sendFleet sends to members of the fleet, all of them in one message.
func (p program) sendFleet(ctx context.Context, members []string, ui *ui) {
	c := p.router.Fleet(members, ui.reached)
	defer c.Close()
	name := strings.Join(members, ",")
	ui.route(name, c.By, c.Why)
	if err := c.Send(ctx, ui.target, ui.message, ui.receipt); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		ui.problem(err, name)
	}
	ui.summary()
}

// firstWhole is how many members are named that a message did not reach; the
// summary counts all.
const firstWhole = 10

// reached is told how far a message to the fleet is.
func (u *ui) reached(r msg.Reach) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.reach = &r
	u.redraw()
}

// whole prints what came of one member. The caller holds mu.
func (u *ui) whole(r msg.Receipt) {
	switch {
	case u.json:
		u.printJSON(r)
	case u.interrupted():
	case r.Outcome.Bad():
		if u.wholes++; u.wholes <= firstWhole {
			u.warn(cli.WholeLine(r))
		}
	case u.verbose:
		u.say(cli.WholeLine(r))
	}
	u.failed = u.failed || r.Outcome.Bad() && !u.interrupted()
}

// summary ends a message to the fleet.
func (u *ui) summary() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.reach == nil || !u.many {
		return
	}
	if u.wholes > firstWhole {
		u.warn(fmt.Sprintf("and %d more", u.wholes-firstWhole))
	}
	if u.json {
		u.printJSON(map[string]*msg.Reach{"reach": u.reach})
	} else {
		u.say(cli.SummaryLine(*u.reach, u.message))
	}
	u.reach = nil
}
