package main

import (
	"context"
	"sync"

	"msg"
	"msg/internal/cli"
	"msg/internal/hostname"
)

// maxHosts is how many hosts are sent to at the same time.
const maxHosts = 32

// sendAll sends to every host, side by side.
func (p program) sendAll(ctx context.Context, hosts []string, target msg.Target, ui *ui) {
	limit := make(chan struct{}, maxHosts)
	var wg sync.WaitGroup
	for _, name := range hosts {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			p.sendOne(ctx, name, target, ui)
		})
	}
	wg.Wait()
}

func (p program) sendOne(ctx context.Context, name string, target msg.Target, ui *ui) {
	h, err := p.dial(name)
	if err != nil {
		ui.problem(err, name)
		return
	}
	defer h.Close()
	if err := h.Send(ctx, target, ui.message, ui.receipt); err != nil && ctx.Err() == nil {
		ui.problem(err, name)
	}
}

// dial finds the way to a host. This version knows one: this computer.
func (p program) dial(name string) (msg.Host, error) {
	if hostname.IsLocal(name) {
		return p.open()
	}
	return nil, cli.NoRoute(name)
}
