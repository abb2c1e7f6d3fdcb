// Command msg sends a message to people who are signed in. It is a drop-in
// for the Windows command of that name; see msg(1).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"msg"
	"msg/internal/host"
)

func main() {
	if host.IsHelper() {
		os.Exit(host.RunHelper())
	}
	os.Exit(run(host.Open))
}

// run is main with this computer opened by open, so that the scripts of the
// tests can run against a computer of their own.
func run(open func() (msg.Host, error)) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := program{
		in:       os.Stdin,
		out:      os.Stdout,
		err:      os.Stderr,
		locale:   firstOf(os.Getenv("LC_ALL"), os.Getenv("LC_TIME"), os.Getenv("LANG")),
		open:     open,
		terminal: isTerminal,
	}
	return p.main(ctx, os.Args[1:])
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
