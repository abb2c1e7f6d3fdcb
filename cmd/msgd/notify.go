package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notify tells systemd a state, if it was systemd that started this process.
func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("telling systemd", "state", state, "error", err)
	}
}

// watchdog tells systemd that msgd works, for as long as that is so. Without
// it systemd starts msgd again after WatchdogSec.
func watchdog(ctx context.Context, log *slog.Logger, healthy func(context.Context) error) error {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is not used", "error", err)
	}
	if err != nil || limit == 0 {
		return nil
	}
	return ping(ctx, limit/3, healthy, func(err error) {
		if err != nil {
			log.Error("msgd does not answer itself", "error", err)
			return
		}
		notify(log, daemon.SdNotifyWatchdog)
	})
}

// ping calls healthy at every interval, for as long as that at most, and hands
// on what it returned.
func ping(ctx context.Context, interval time.Duration, healthy func(context.Context) error, tell func(error)) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, interval)
		err := healthy(try)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		tell(err)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
