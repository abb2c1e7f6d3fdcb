package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// options are the command line.
type options struct {
	msg, wall string // programs; "" leaves one out
	user      string
	runs      int
	sizes     []int
	series    string
	daemon    bool // msgd is running
	json      bool
	dry       bool
}

// parseOptions parses the command line; an error has been printed with the usage.
func parseOptions(args []string) (options, error) {
	opt := options{sizes: []int{1, 50, 200, 500}}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&opt.msg, "msg", "msg", "the msg to measure; empty leaves it out")
	fs.StringVar(&opt.wall, "wall", "wall", "the wall to measure; empty leaves it out")
	fs.StringVar(&opt.user, "user", "nobody", "`name` or number of the user the terminals belong to")
	fs.IntVar(&opt.runs, "runs", 30, "counted runs of each program and size")
	fs.Func("sizes", "terminals in the series \"last\" (default 1,50,200,500)", opt.setSizes)
	fs.StringVar(&opt.series, "series", "all", "all, last, stuck or startup")
	fs.BoolVar(&opt.daemon, "daemon", false, "msgd is running, and msg goes through it")
	fs.BoolVar(&opt.json, "json", false, "print JSON instead of tables")
	fs.BoolVar(&opt.dry, "dry", false, "only print what the machine is like")
	if err := fs.Parse(args); err != nil {
		return opt, err
	}
	if err := opt.check(fs.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		fs.Usage()
		return opt, err
	}
	return opt, nil
}

func (o *options) setSizes(list string) error {
	o.sizes = nil
	for field := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a number of terminals", field)
		}
		o.sizes = append(o.sizes, n)
	}
	return nil
}

func (o *options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.runs < 1:
		return fmt.Errorf("-runs %d: at least one", o.runs)
	case o.msg == "" && o.wall == "" && !o.dry:
		return fmt.Errorf("-msg and -wall are both empty: nothing to measure")
	}
	switch o.series {
	case "all", "last", "stuck", "startup":
		return nil
	}
	return fmt.Errorf("-series %q: want all, last, stuck or startup", o.series)
}

// wants tells whether the series was asked for.
func (o *options) wants(series string) bool {
	return o.series == "all" || o.series == series
}

// lookPath is exec.LookPath that takes a relative path for what it says.
func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		_, err := os.Stat(name)
		return name, err
	}
	return exec.LookPath(name)
}
