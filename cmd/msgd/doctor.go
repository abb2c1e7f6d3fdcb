package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"msg/internal/cli"
	"msg/internal/fleet"
	"msg/internal/text"
)

// doctorTimeout bounds a whole examination.
const doctorTimeout = 2 * time.Minute

// doctor is msgd doctor: it examines this computer as a member, and the hub, as
// far as there are such.
func (p program) doctor(o options) int {
	config, err := loadConfig(o.config)
	if err != nil {
		return p.fail(exitConfig, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), doctorTimeout)
	defer cancel()
	var list []fleet.Finding
	if fleet.Joined(config.Fleet) {
		list = fleet.ExamineMember(ctx, config.Fleet)
	}
	if _, err := os.Lstat(o.hub); !errors.Is(err, fs.ErrNotExist) {
		list = append(list, fleet.ExamineHub(ctx, o.hub)...)
	}
	if len(list) == 0 {
		return p.fail(cli.ExitFailed, fmt.Errorf("there is nothing to examine: this computer is in no fleet, and %q is no hub; msgd check looks at the rest", o.hub))
	}
	code := cli.ExitOK
	for _, f := range list {
		level := "ok"
		if f.Do != "" {
			level, code = "error", cli.ExitFailed
		}
		fmt.Fprintf(p.out, "%-8s %s: %s\n", level, f.About, text.Line(f.Found))
		if f.Do != "" {
			fmt.Fprintf(p.out, "%-8s %s\n", "", f.Do)
		}
	}
	return code
}

// clusterConf prints what the administrator of a cluster has to do.
func (p program) clusterConf(o options) error {
	path := filepath.Join(o.hub, fleet.ClusterFile)
	conf, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("what the servers have to include: %w", err)
	}
	fmt.Fprintf(p.out, "Each server of the cluster includes %s:\n\n%s\nWhen they have loaded it, msgd doctor says whether all is well.\n\n", path, conf)
	return nil
}
