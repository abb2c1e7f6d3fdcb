package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestPing counts what systemd is told: nothing while msgd does not answer
// itself, and it is asked again at each interval, however long that takes.
func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 95*time.Second)
		defer cancel()
		calls := 0
		healthy := func(ctx context.Context) error {
			calls++
			switch calls {
			case 2:
				return errors.New("broken")
			case 3: // stuck
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		var told []bool
		if err := ping(ctx, 10*time.Second, healthy, func(err error) { told = append(told, err == nil) }); err != nil {
			t.Fatal(err)
		}
		// At 0, 10, 20 (until 30), 30, 40, ... 90.
		want := []bool{true, false, false, true, true, true, true, true, true, true}
		if len(told) != len(want) {
			t.Fatalf("told %v, want %v", told, want)
		}
		for i := range want {
			if told[i] != want[i] {
				t.Errorf("told %v, want %v", told, want)
				break
			}
		}
	})
}

// TestWatchdog is in the place of systemd.
func TestWatchdog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "30000000")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- watchdog(ctx, slog.New(slog.DiscardHandler), func(context.Context) error { return nil })
	}()
	b := make([]byte, 100)
	n, err := l.Read(b)
	if err != nil || string(b[:n]) != "WATCHDOG=1" {
		t.Errorf("systemd is told %q, %v", b[:n], err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}

	t.Setenv("WATCHDOG_USEC", "")
	if err := watchdog(t.Context(), slog.New(slog.DiscardHandler), nil); err != nil {
		t.Error(err)
	}
}
