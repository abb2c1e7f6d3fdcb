package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"msg"
	"msg/internal/account"
	"msg/internal/cli"
	"msg/internal/host"
)

// doctorTime bounds a report: whatever does not answer is to be seen in it.
const doctorTime = 20 * time.Second

// doctor prints what there is to know about this computer when something does
// not work, without a name that would tell others about it.
func (p program) doctor(ctx context.Context, ui *ui) error {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	ways, list, err := p.examineWays(ctx)
	if err != nil {
		return err
	}
	if !ui.json {
		ui.say(cli.DoctorHead())
	}
	hide := cli.Anonymous(names(list))
	found := []host.Finding{{About: "program", Found: fmt.Sprintf("msg %s, %s, %s/%s", cli.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)}}
	found = append(found, surroundings(os.Getenv)...)
	found = append(found, host.Finding{About: "streams", Found: p.streams()})
	found = append(found, ways...)
	found = append(found, p.examine(ctx)...)
	for _, f := range found {
		f.Found = hide(f.Found)
		ui.result(cli.FindingLine(f.About, f.Found), f)
	}
	return nil
}

// examineWays asks msgd, and lists the sessions in the way that a message would
// take.
func (p program) examineWays(ctx context.Context) ([]host.Finding, []msg.Session, error) {
	c, err := p.router.To(ctx, here)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	begin := time.Now()
	msgd := "answers"
	if _, err := c.DND(ctx); err != nil {
		msgd = host.Numbered(err)
	}
	msgd += ", after " + time.Since(begin).Round(time.Millisecond).String()
	list, err := c.Sessions(ctx)
	sessions := fmt.Sprintf("%d sessions", len(list))
	if err != nil {
		sessions = host.Numbered(err)
	}
	return []host.Finding{{About: "msgd", Found: msgd}, {About: "a message finds", Found: sessions}}, list, nil
}

// names are those that a report must not have.
func names(list []msg.Session) []string {
	names := []string{account.Caller()}
	if name, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(name, ".")
		names = append(names, name, short)
	}
	for _, s := range list {
		names = append(names, s.User, s.Host)
	}
	return names
}

// streams says where standard input, output and errors go.
func (p program) streams() string {
	var kinds []string
	for _, f := range []*os.File{p.in, p.stdout, p.stderr} {
		kinds = append(kinds, p.streamKind(f))
	}
	return fmt.Sprintf("input %s, output %s, errors %s", kinds[0], kinds[1], kinds[2])
}

func (p program) streamKind(f *os.File) string {
	info, err := f.Stat()
	switch {
	case p.terminal(f):
		return "terminal"
	case err != nil:
		return "closed"
	case info.Mode().IsRegular():
		return "file"
	case info.Mode()&os.ModeNamedPipe != 0:
		return "pipe"
	}
	return "something else"
}
