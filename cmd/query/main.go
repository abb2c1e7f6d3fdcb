// Command query shows who is signed in: "query session" and "query user",
// under the names qwinsta and quser as well. It is a drop-in for the Windows
// commands of those names; see query(1).
package main

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"msg"
	"msg/internal/console"
	"msg/internal/control"
	"msg/internal/host"
	"msg/internal/route"
)

func main() {
	os.Exit(run(route.Router{Open: openHere, RPC: openRPC, Native: nativeRPC, Socket: control.Socket}))
}

// openHere opens this computer.
func openHere() (msg.Host, error) {
	l, err := host.Open()
	if err != nil {
		return nil, err
	}
	return l, nil
}

// run is main with the ways to computers, so that the scripts of the tests can
// run against computers of their own.
func run(router route.Router) int {
	signal.Ignore(syscall.SIGPIPE) // it is reported as an error of writing
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	_, locale := console.Locale(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_TIME"), os.Getenv("LANG")))
	p := program{in: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, locale: locale, router: router}
	return p.main(ctx, filepath.Base(os.Args[0]), os.Args[1:])
}
