package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"msg"
	"msg/internal/cli"
	"msg/internal/hostname"
	"msg/internal/login"
	"msg/internal/route"
)

// maxHosts is how many hosts are sent to at the same time.
const maxHosts = 32

// here is this computer.
const here = "localhost"

// maxLocale is the longest name of a locale that is passed on, see msg.Check.
const maxLocale = 64

// send reads what there is to read and sends to each host.
func (p program) send(ctx context.Context, m cli.Msg, ui *ui) int {
	readList := func(name string) ([]byte, error) { return p.readList(ctx, name) }
	target, problems := cli.Recipients(m.Recipient, readList)
	hosts, hostProblems := cli.Hosts(m.Servers, readList)
	if ctx.Err() != nil {
		return cli.ExitInterrupted
	}
	hosts = hostname.Distinct(hosts)
	ui.many = len(hosts) > 1 || slices.ContainsFunc(hosts, route.IsPattern)
	for _, err := range append(problems, hostProblems...) {
		ui.problem(err, "")
	}
	if len(target) == 0 || len(m.Servers) > 0 && len(hosts) == 0 {
		return cli.ExitFailed
	}
	text, err := p.text(ctx, m, ui)
	if ctx.Err() != nil {
		return cli.ExitInterrupted
	}
	now := time.Now()
	ui.words, ui.target = m.Words, target
	ui.message = msg.Message{
		ID: msg.NewID(now), Title: cli.Title(m.Title), Text: text, Buttons: m.Buttons,
		Wait: m.Wait, Timeout: m.Time, Sent: now, Locale: p.locale, Queue: m.Queue,
	}
	if len(ui.message.Locale) > maxLocale {
		ui.message.Locale = ""
	}
	if err == nil {
		err = ui.message.Check()
	}
	if err != nil {
		ui.problem(err, "")
		return ui.exit()
	}
	if len(hosts) == 0 {
		hosts = []string{here}
	}
	if (m.Wait || ui.many) && p.terminal(p.stderr) {
		ui.progress.width = p.columns
		ui.showProgress(p.stderr)
	}
	p.router.From = login.New(ctx, m.User, os.Getenv)
	p.router.Warn = func(err error) { ui.note(cli.NoteLine(err)) }
	p.sendAll(ctx, hosts, ui)
	return ui.exit()
}

// sendAll sends to every host, side by side.
func (p program) sendAll(ctx context.Context, hosts []string, ui *ui) {
	// Of several hosts, nobody who is asked for a password would know whose.
	p.router.Ask = len(hosts) == 1 && hosts[0] != here && p.terminal(p.stderr)
	limit := make(chan struct{}, maxHosts)
	members, hosts := p.router.Split(ctx, hosts)
	var wg sync.WaitGroup
	if len(members) > 0 {
		wg.Go(func() { p.sendFleet(ctx, members, ui) })
	}
	for _, name := range hosts {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			if err := p.sendOne(ctx, name, ui); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
				ui.problem(err, name)
			}
		})
	}
	wg.Wait()
}

func (p program) sendOne(ctx context.Context, name string, ui *ui) error {
	c, err := p.router.To(ctx, name)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.By != "" {
		ui.route(name, c.By, c.Why)
	}
	return c.Send(ctx, ui.target, ui.message, ui.receipt)
}
