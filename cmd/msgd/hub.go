package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"msg/internal/cli"
	"msg/internal/daemon"
	"msg/internal/fleet"
	"msg/internal/text"
)

// hubPort is where a hub listens if nothing else is said: that of NATS.
const hubPort = "4222"

// firstToken is how good the token of msgd hub init is.
const (
	firstUses = 100
	firstLife = 24 * time.Hour
)

// hubInit is msgd hub init.
func (p program) hubInit(o options) int {
	if o.hub == defaultHub() { // which is in a folder that has to be ours
		if err := checkData(o.hub); err != nil {
			return p.fail(cli.ExitFailed, err)
		}
	}
	if o.leafOf != "" {
		return p.leafInit(o)
	}
	seed, err := o.makeHub()
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	token, err := fleet.Invite(o.hub, firstUses, time.Now().Add(firstLife))
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	if o.cluster != "" {
		if err := p.clusterConf(o); err != nil {
			return p.fail(cli.ExitFailed, err)
		}
	}
	fmt.Fprintf(p.out, "The hub is in %s. %s\nand let computers join, %d of them within %v hours, as root:\n\n    msgd join %s\n", o.hub, o.howToStart(), firstUses, firstLife.Hours(), token)
	if o.offline {
		fmt.Fprintf(p.out, "\nThe key of the organisation is shown only now. Keep it where this computer is not,\nand hand it to msgd operator and msgd revoke with --key FILE:\n\n    %s\n", seed)
	} else {
		fmt.Fprintf(p.out, "\nThe key of the organisation is %s. Whoever has it can\nallow anything: keep a copy elsewhere, or move it away and use --key FILE.\n", filepath.Join(o.hub, fleet.OrgKeyFile))
	}
	return cli.ExitOK
}

// addresses is how members reach the hub.
func (o options) addresses() ([]string, error) {
	switch {
	case o.address != "":
		return strings.Split(o.address, ","), nil
	case o.cluster != "":
		return strings.Split(o.cluster, ","), nil
	}
	name, err := hostName()
	return []string{net.JoinHostPort(name, portOf(o.listen))}, err
}

// makeHub makes the folder of a hub.
func (o options) makeHub() (seed string, err error) {
	hubs, err := o.addresses()
	if err != nil {
		return "", err
	}
	if o.cluster == "" {
		return fleet.InitHub(o.hub, o.listen, hubs, !o.offline, time.Now())
	}
	ca, err := os.ReadFile(o.ca)
	if err != nil {
		return "", fmt.Errorf("certificate of the cluster's authority: %w", err)
	}
	return fleet.InitCluster(o.hub, strings.Split(o.cluster, ","), hubs, ca, !o.offline, time.Now())
}

// leafInit is msgd hub init --leaf-of.
func (p program) leafInit(o options) int {
	hubs, err := o.addresses()
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	token, err := fleet.ParseJoinToken(o.leafOf)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = fleet.InitLeaf(ctx, o.hub, o.listen, hubs, strings.ToLower(o.site), token, o.summary, time.Now())
	}
	if err == nil {
		token, err = fleet.Invite(o.hub, firstUses, time.Now().Add(firstLife))
	}
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	fmt.Fprintf(p.out, "The leaf hub of site %s is in %s. %s\nand let computers of the site join, %d of them within %v hours, as root:\n\n    msgd join %s\n", text.Line(strings.ToLower(o.site)), o.hub, o.howToStart(), firstUses, firstLife.Hours(), token)
	return cli.ExitOK
}

// howToStart is how the hub of the folder is started: the unit serves the usual
// one.
func (o options) howToStart() string {
	const start = "Start it:\n\n    "
	if o.hub != defaultHub() {
		return start + "msgd hub serve --hub " + o.hub + "\n"
	}
	if runtime.GOOS != "linux" {
		return start + "msgd hub serve\n"
	}
	return start + "systemctl enable --now msgd-hub.service\n\n(or, without systemd: msgd hub serve),\n"
}

func portOf(listen string) string {
	if _, port, err := net.SplitHostPort(listen); err == nil {
		return port
	}
	return hubPort
}

// hostName is the name of this computer as members are called.
func hostName() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name of this computer: %w", err)
	}
	return strings.ToLower(name), nil
}

// hubServe is msgd hub serve. It needs no rights but to its folder.
func (p program) hubServe(o options) int {
	log := newLog(p.err, "", daemon.DefaultConfig().Log)
	h, err := fleet.StartHub(o.hub, log)
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	defer h.Close()
	signal.Ignore(syscall.SIGPIPE) // as in service.run
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log.Info("the hub serves", "version", cli.Version(), "address", h.Address())
	notify(log, "READY=1")
	if err := h.Wait(ctx); err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	log.Info("the hub ends")
	return cli.ExitOK
}

// administer runs what needs the hub of this computer.
func (p program) administer(o options, do func(context.Context, *fleet.Administrator) error) int {
	a, err := fleet.OpenAdministrator(o.hub)
	if err == nil {
		defer a.Close()
		err = do(context.Background(), a)
	}
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	return cli.ExitOK
}

// hubToken is msgd hub token.
func (p program) hubToken(o options) int {
	return p.administer(o, func(ctx context.Context, a *fleet.Administrator) error {
		invite := func() (fleet.JoinToken, error) { return a.Invite(ctx, o.uses, time.Now().Add(o.life)) }
		if o.site != "" {
			invite = func() (fleet.JoinToken, error) {
				return a.InviteSite(ctx, strings.ToLower(o.site), time.Now().Add(o.life))
			}
		}
		token, err := invite()
		if err == nil {
			fmt.Fprintln(p.out, token)
		}
		return err
	})
}

// members is msgd members.
func (p program) members(o options) int {
	return p.administer(o, func(ctx context.Context, a *fleet.Administrator) error {
		list, err := a.Members(ctx)
		if err != nil {
			return err
		}
		return printMembers(p.out, list, a)
	})
}

func printMembers(out io.Writer, list []fleet.MemberInfo, a *fleet.Administrator) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tLAST SEEN\tVERSION\tSITE\tTAGS\tMAY")
	for _, m := range list {
		state := "off"
		if m.Online {
			state = "on"
		}
		may := "-"
		if len(m.Grant) > 0 {
			may = a.Describe(m)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", text.Line(m.Name), state, m.Seen.Local().Format("2006-01-02 15:04"),
			orDash(text.Line(m.Version)), orDash(text.Line(m.Site)), orDash(text.Line(strings.Join(m.Tags, ","))), text.Line(may))
	}
	return w.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// tag is msgd tag.
func (p program) tag(o options) int {
	return p.administer(o, func(ctx context.Context, a *fleet.Administrator) error {
		return a.Tag(ctx, strings.ToLower(o.words[0]), lower(o.words[1:]))
	})
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}

// orgKey reads the key of the organisation.
func (o options) orgKey() (fleet.Key, error) {
	path := o.key
	if path == "" {
		path = filepath.Join(o.hub, fleet.OrgKeyFile)
	}
	key, err := fleet.LoadKey(path)
	if err != nil && o.key == "" {
		err = fmt.Errorf("%w; if the key of the organisation is elsewhere, say where with --key FILE", err)
	}
	return key, err
}

// operatorAdd is msgd operator add.
func (p program) operatorAdd(o options) int {
	host, speaksFor, _ := operators(o.words[0]) // parse has looked at it
	return p.administer(o, func(ctx context.Context, a *fleet.Administrator) error {
		may, err := fleet.ParseMay(o.may, time.Now())
		if err != nil {
			return err
		}
		key, err := o.orgKey()
		if err != nil {
			return err
		}
		g, before, err := a.Allow(ctx, key, host, speaksFor, may)
		if g.Name != "" {
			fmt.Fprintf(p.out, "%s on %s may: %s\n", text.Line(g.Speakers()), text.Line(g.Name), text.Line(g.May.String()))
		}
		if before != nil {
			fmt.Fprintf(p.out, "That takes the place of: %s: %s\n", text.Line(before.Speakers()), text.Line(before.May.String()))
		}
		return err
	})
}

// operators reads who may send from where: alice@desk-1, alice,@ops@desk-1, or
// desk-1 for root alone.
func operators(s string) (host string, speaksFor []string, err error) {
	i := strings.LastIndex(s, "@")
	host = strings.ToLower(s[i+1:])
	if i >= 0 {
		speaksFor = strings.Split(s[:i], ",")
	}
	if host == "" || slices.Contains(speaksFor, "") || slices.Contains(speaksFor, "@") {
		return "", nil, fmt.Errorf("operator add: %q does not say who, and on which computer: write alice@desk-1, alice,@ops@desk-1 for a user and a group, or desk-1 for root there", s)
	}
	return host, speaksFor, nil
}

// revoke is msgd revoke.
func (p program) revoke(o options) int {
	return p.administer(o, func(ctx context.Context, a *fleet.Administrator) error {
		key, keyErr := o.orgKey()
		if keyErr != nil && o.key != "" {
			return keyErr
		}
		err := a.Revoke(ctx, key, strings.ToLower(o.words[0]), o.grant)
		if err == nil && keyErr != nil {
			return fmt.Errorf("the hub has let go of it, but the list of what is revoked is not signed, so whoever else has its grant believes what it signs until that expires. Do the same once more with --key FILE, the key of the organisation: %w", keyErr)
		}
		return err
	})
}

// join is msgd join.
func (p program) join(o options) int {
	config, err := loadConfig(o.config)
	if err != nil {
		return p.fail(exitConfig, err)
	}
	token, err := fleet.ParseJoinToken(o.words[0])
	if err == nil && o.name == "" {
		o.name, err = hostName()
	}
	if err == nil {
		err = checkData(config.Journal.Path)
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = fleet.Join(ctx, config.Fleet, strings.ToLower(o.name), token)
	}
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	fmt.Fprintf(p.out, "%s is a member now. msgd notices within seconds, if it runs.\n", text.Line(strings.ToLower(o.name)))
	return cli.ExitOK
}
