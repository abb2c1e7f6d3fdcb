// Command query shows who is signed in: "query session" and "query user",
// under the names qwinsta and quser as well. It is a drop-in for the Windows
// commands of those names; see query(1).
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"msg"
	"msg/internal/cli"
	"msg/internal/host"
)

func main() {
	os.Exit(run(openLocal))
}

// openLocal opens this computer.
func openLocal() (msg.Host, error) {
	l, err := host.Open()
	if err != nil {
		return nil, err
	}
	return l, nil
}

// run is main with this computer opened by open, so that the scripts of the
// tests can run against a computer of their own.
func run(open func() (msg.Host, error)) int {
	signal.Ignore(syscall.SIGPIPE) // it is reported as an error of writing
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := program{
		out:    &cli.Output{W: os.Stdout},
		err:    os.Stderr,
		locale: os.Getenv("LC_ALL"),
		open:   open,
	}
	if p.locale == "" {
		p.locale = os.Getenv("LC_TIME")
	}
	if p.locale == "" {
		p.locale = os.Getenv("LANG")
	}
	return p.main(ctx, filepath.Base(os.Args[0]), os.Args[1:])
}
