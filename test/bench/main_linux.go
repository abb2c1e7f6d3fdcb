// Command bench measures msg against its peer, wall(1), on real pseudo-terminals.
//
// It opens a farm of ptys that belong to an ordinary user and are listed in utmp,
// watches the other end of each, and runs the two programs against the farm in turn.
// What counts is when the last terminal has the text, not when the program exits.
//
//	CGO_ENABLED=0 go build -o bench ./test/bench
//	./bench -dry
//	./bench -msg /usr/local/bin/msg -user alice
//	./bench -msg /usr/local/bin/msg -series last -sizes 200,500 -runs 60 -json
//
// It must be root, writes to every terminal of the machine (so do msg and wall), adds
// records to utmp, and takes them out again when it ends or is interrupted.
//
// Machines differ too much for a timing to fail the program: times are only compared
// with the bound they should stay under. A message that did not reach every healthy
// terminal does fail it.
//
// Exit codes: 0 everything arrived, 1 something did not or the farm failed, 2 usage,
// 130 interrupted.
//
// Start reading at series_linux.go; farm_linux.go and detect_linux.go are the rig.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run does the work of main and returns the exit code, so that deferred closes happen.
func run(args []string) int {
	opt, err := parseOptions(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil: // already printed, with the usage
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// A collection in the middle of a run would count as the peer's time.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(512 << 20)

	rep, err := bench(ctx, opt)
	if rep != nil {
		if werr := rep.write(os.Stdout, opt.json); werr != nil {
			fmt.Fprintf(os.Stderr, "bench: writing the report: %v\n", werr)
			return 1
		}
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted; utmp is as it was")
		return 130
	case err != nil:
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		return 1
	case rep.incomplete() > 0:
		fmt.Fprintf(os.Stderr, "bench: INCOMPLETE: %d runs did not reach every healthy terminal\n", rep.incomplete())
		return 1
	}
	return 0
}

// bench finds the programs and runs the series asked for. The report holds what was
// measured even if there is an error.
func bench(ctx context.Context, opt options) (*report, error) {
	wall, err := findProgram(opt.wall)
	if err != nil {
		return nil, err
	}
	rep := &report{Env: readEnvironment(ctx, wall)}
	if opt.dry {
		return rep, nil
	}
	msg, err := findProgram(opt.msg)
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("needs root: the terminals belong to another user")
	}
	b, err := newBencher(opt, msg, wall, rep)
	if err != nil {
		return nil, err
	}
	defer b.close()
	return rep, b.all(ctx)
}

// findProgram returns the absolute path of a program; "" stays "" and leaves it out.
func findProgram(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	path, err := lookPath(name)
	if err != nil {
		return "", fmt.Errorf("finding %q: %w", name, err)
	}
	return filepath.Abs(path)
}
