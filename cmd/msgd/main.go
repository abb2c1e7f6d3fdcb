// Command msgd shows messages for everybody on this computer, within the rules
// of msgd.toml; see msgd(8). It is a daemon.Daemon in front of the host.Local
// that this computer is, offered on a socket by a control.Server.
//
// main only wires: serve.go says what runs. Started by systemd or by hand it
// is the same.
package main

import (
	"context"
	"os"

	"msg"
	"msg/internal/control"
	"msg/internal/host"
)

func main() {
	if host.IsHelper() {
		os.Exit(host.RunHelper(late))
	}
	os.Exit(run(func() (computer, error) { return host.Open() }))
}

// late gives msgd an answer that came when the one that had asked for it was
// gone: msgd has been started anew, and still waits for it.
func late(ctx context.Context, a msg.Answer) error {
	_, err := control.NewClient(control.DialLocal(control.Socket), "").Answer(ctx, a)
	return err
}

// run is main with this computer opened by open, so that tests can serve a
// computer of their own.
func run(open func() (computer, error)) int {
	return program{in: os.Stdin, out: os.Stdout, err: os.Stderr, open: open}.main(os.Args[1:])
}
