package main

import (
	"context"
	"fmt"

	"msg"
	"msg/internal/cli"
)

// members lists the members of the fleet.
func (p program) members(ctx context.Context, q cli.Query) int {
	var hosts []string
	if q.Filter != "" {
		hosts = []string{q.Filter}
	}
	list, err := p.router.Members(ctx, hosts)
	switch {
	case ctx.Err() != nil:
		return cli.ExitInterrupted
	case err != nil:
		return p.fail(err)
	case len(list) == 0:
		fmt.Fprintln(p.err, cli.NoneLine(q.Kind, q.Filter))
		return cli.ExitFailed
	case q.JSON:
		return p.ended(printJSON(p, list))
	}
	for i := range list {
		list[i].Seen = list[i].Seen.Local()
	}
	fmt.Fprint(p.out, cli.MemberTable(list, p.locale))
	return p.ended(cli.ExitOK)
}

// showFleet prints who is signed in on members of the fleet: a table for each,
// and then what failed.
func (p program) showFleet(ctx context.Context, members []string, q cli.Query) int {
	c := p.router.Fleet(members, nil)
	defer c.Close()
	if q.Kind == cli.QueryMessage {
		return p.fail(c.Messages(ctx, q.Filter, q.Limit, func(msg.Record) {}))
	}
	sessions, failed := c.Sessions(ctx)
	if ctx.Err() != nil {
		return cli.ExitInterrupted
	}
	if failed != nil && len(sessions) == 0 {
		return p.fail(failed)
	}
	found, missing := cli.Filter(q, sessions)
	code := cli.ExitOK
	for _, name := range missing {
		fmt.Fprintln(p.err, cli.NoneLine(q.Kind, name))
		code = cli.ExitFailed
	}
	for len(found) > 0 {
		n := 1
		for n < len(found) && found[n].Host == found[0].Host {
			n++
		}
		a := answer{sessions: found[:n]}
		if !q.JSON {
			a.localTimes()
			fmt.Fprintln(p.out, cli.HostLine(found[0].Host))
		}
		if c := p.print(a.sessions, q); c != cli.ExitOK {
			code = c
		}
		found = found[n:]
	}
	if failed != nil {
		return p.fail(failed)
	}
	return code
}
