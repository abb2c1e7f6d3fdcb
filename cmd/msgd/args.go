package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"msg/internal/cli"
	"msg/internal/control"
	"msg/internal/fleet"
)

// Exit codes beside those of package cli, from sysexits.h.
const (
	exitUnavailable = 69 // EX_UNAVAILABLE: no msgd is running
	exitConfig      = 78 // EX_CONFIG: the unit does not try again after this one
)

// options are the flags of all commands.
type options struct {
	config, socket string
	service        bool   // serve: the service manager of Windows has started it
	account        string // service install: what it runs as

	hub     string        // folder of the hub
	listen  string        // hub init: HOST:PORT
	address string        // hub init: how members reach it
	cluster string        // hub init: HOST:PORT,... of the site's own nats-servers
	ca      string        // hub init: file with the certificate of their authority
	offline bool          // hub init: do not keep the key of the organisation
	leafOf  string        // hub init: token of the main hub
	site    string        // hub init, hub token: of a leaf hub
	summary int           // hub init: targets from which on a leaf hub sums up
	uses    int           // hub token
	life    time.Duration // hub token
	may     string        // operator add
	key     string        // operator add, revoke: file with the key of the organisation
	grant   bool          // revoke: only what it may
	name    string        // join
	words   []string      // what is not a flag
}

// command is one row of the table.
type command struct {
	name        string
	flags       []string
	run         func(program, options) int
	least, most int    // words that are not flags
	word        string // what the first of them is
}

func commands() []command {
	serve := []string{"config", "socket"}
	if hasService {
		serve = append(serve, "service")
	}
	return append([]command{
		{name: "serve", flags: serve, run: program.serve},
		{name: "check", flags: []string{"config", "socket"}, run: program.check},
		{name: "relay", flags: []string{"socket"}, run: program.relay},
		{name: "join", flags: []string{"config", "name"}, run: program.join, least: 1, most: 1, word: "the token, which msgd hub token prints on the hub,"},
		{name: "forward", run: program.forward, least: 1, most: 1, word: "the file"},
		{name: "hub init", flags: []string{"hub", "listen", "address", "cluster", "ca", "offline", "leaf-of", "site", "summary"}, run: program.hubInit},
		{name: "hub serve", flags: []string{"hub"}, run: program.hubServe},
		{name: "hub token", flags: []string{"hub", "uses", "for", "site"}, run: program.hubToken},
		{name: "doctor", flags: []string{"config", "hub"}, run: program.doctor},
		{name: "members", flags: []string{"hub"}, run: program.members},
		{name: "tag", flags: []string{"hub"}, run: program.tag, least: 1, most: 100, word: "the name of a member"},
		{name: "operator add", flags: []string{"hub", "may", "key"}, run: program.operatorAdd, least: 1, most: 1, word: "who it is, such as alice@desk-1,"},
		{name: "revoke", flags: []string{"hub", "key", "grant"}, run: program.revoke, least: 1, most: 1, word: "the name of a member"},
		{name: "version", run: program.version},
		{name: "help", run: program.help},
	}, serviceCommands()...)
}

// groups are the first words of commands that have two.
var groups = []string{"service", "hub", "operator"}

// spellings are other names of commands, which everybody tries.
var spellings = map[string]string{
	"--version": "version", "-version": "version", "--help": "help", "-help": "help", "-h": "help",
}

// parse understands the arguments. Its errors are about usage.
func parse(args []string) (command, options, error) {
	var o options
	if len(args) == 0 {
		return command{}, o, errors.New("what to do is missing")
	}
	name := args[0]
	if full, ok := spellings[name]; ok {
		name = full
	}
	all := commands()
	if slices.Contains(groups, name) && len(args) > 1 { // two words are one command
		if spellings[args[1]] == "help" {
			return command{name: "help", run: program.help}, o, nil
		}
		name, args = name+" "+args[1], args[1:]
	}
	if slices.ContainsFunc(all, func(c command) bool { return strings.HasPrefix(c.name, name+" ") }) {
		return command{name: name}, o, fmt.Errorf("%s: what to do is missing", name)
	}
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, o, fmt.Errorf("%q is not a command", name)
	}
	c := all[i]
	f := flag.NewFlagSet(c.name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	c.define(f, &o)
	err := parseMixed(f, args[1:], &o.words)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return command{name: "help", run: program.help}, o, nil
	case err != nil:
		return c, o, fmt.Errorf("%s: %w", c.name, err)
	case len(o.words) > c.most:
		return c, o, fmt.Errorf("%s: %q is one word too many", c.name, o.words[c.most])
	case len(o.words) < c.least:
		return c, o, fmt.Errorf("%s: %s is missing", c.name, c.word)
	case (o.cluster == "") != (o.ca == ""):
		return c, o, fmt.Errorf("%s: --cluster and --ca go together", c.name)
	case slices.Contains(c.flags, "may") && o.may == "":
		return c, o, fmt.Errorf("%s: --may is missing: what is allowed, such as \"send to tag:lab, broadcast, up to 500 hosts, until 2027-12-31\"", c.name)
	case c.name == "hub init":
		return c, o, o.checkLeaf()
	case c.name == "operator add":
		_, _, err := operators(o.words[0])
		return c, o, err
	case slices.Contains(c.flags, "uses") && (o.uses < 1 || o.uses > fleet.MostUses):
		return c, o, fmt.Errorf("%s: --uses %d: a token is for 1 to %d computers", c.name, o.uses, fleet.MostUses)
	case o.site != "" && o.uses != 1:
		return c, o, fmt.Errorf("%s: a token with --site is for one leaf hub", c.name)
	}
	return c, o, nil
}

// checkLeaf is about the flags of hub init that go together.
func (o options) checkLeaf() error {
	switch {
	case (o.leafOf == "") != (o.site == ""):
		return errors.New("hub init: a leaf hub has both --leaf-of and --site")
	case o.leafOf == "" && o.summary != 0:
		return errors.New("hub init: --summary is for leaf hubs")
	case o.leafOf != "" && o.offline:
		return errors.New("hub init: --offline is for main hubs; a leaf hub never has the key of the organisation")
	}
	return nil
}

// setLife reads how long a token is good.
func (o *options) setLife(s string) (err error) {
	const day = 24 * time.Hour
	if n, found := strings.CutSuffix(s, "d"); found {
		var days uint64
		days, err = strconv.ParseUint(n, 10, 12)
		o.life = time.Duration(days) * day
	} else {
		o.life, err = time.ParseDuration(s)
	}
	if err != nil || o.life <= 0 || o.life > longestLife {
		return fmt.Errorf("write how long it is good, such as 90m, 24h or 7d, at most %dd", longestLife/day)
	}
	return nil
}

// longestLife is as long as a grant is good if nothing else is said.
const longestLife = 365 * 24 * time.Hour

// parseMixed takes flags also behind words.
func parseMixed(f *flag.FlagSet, args []string, words *[]string) error {
	for {
		if err := f.Parse(args); err != nil || f.NArg() == 0 {
			return err
		}
		*words, args = append(*words, f.Arg(0)), f.Args()[1:]
	}
}

func (c command) define(f *flag.FlagSet, o *options) {
	if slices.Contains(c.flags, "config") {
		f.StringVar(&o.config, "config", defaultConfig(), "")
	}
	if slices.Contains(c.flags, "socket") {
		f.StringVar(&o.socket, "socket", control.Socket, "")
	}
	if slices.Contains(c.flags, "service") {
		f.BoolVar(&o.service, "service", false, "")
	}
	if slices.Contains(c.flags, "account") {
		f.StringVar(&o.account, "account", "LocalSystem", "")
	}
	c.defineFleet(f, o)
}

// defineFleet defines the flags of what has to do with a fleet.
func (c command) defineFleet(f *flag.FlagSet, o *options) {
	define := map[string]func(){
		"hub":     func() { f.StringVar(&o.hub, "hub", defaultHub(), "") },
		"listen":  func() { f.StringVar(&o.listen, "listen", "0.0.0.0:"+hubPort, "") },
		"address": func() { f.StringVar(&o.address, "address", "", "") },
		"cluster": func() { f.StringVar(&o.cluster, "cluster", "", "") },
		"ca":      func() { f.StringVar(&o.ca, "ca", "", "") },
		"offline": func() { f.BoolVar(&o.offline, "offline", false, "") },
		"leaf-of": func() { f.StringVar(&o.leafOf, "leaf-of", "", "") },
		"site":    func() { f.StringVar(&o.site, "site", "", "") },
		"summary": func() { f.IntVar(&o.summary, "summary", 0, "") },
		"uses":    func() { f.IntVar(&o.uses, "uses", 1, "") },
		"for":     func() { o.life = time.Hour; f.Func("for", "", o.setLife) },
		"may":     func() { f.StringVar(&o.may, "may", "", "") },
		"key":     func() { f.StringVar(&o.key, "key", "", "") },
		"grant":   func() { f.BoolVar(&o.grant, "grant", false, "") },
		"name":    func() { f.StringVar(&o.name, "name", "", "") },
	}
	for _, name := range c.flags {
		if d := define[name]; d != nil {
			d()
		}
	}
}

const usage = `msgd serve [--config FILE] [--socket PATH]
msgd check [--config FILE] [--socket PATH]
msgd relay [--socket PATH]
msgd join TOKEN [--name NAME] [--config FILE]
msgd forward FILE
msgd hub init [--listen HOST:PORT] [--address HOST:PORT|srv:DOMAIN,...] [--offline]
msgd hub init --cluster HOST:PORT,... --ca FILE [--offline]
msgd hub init --leaf-of TOKEN --site NAME [--summary N] [--listen ...] [--address ...]
msgd hub serve
msgd hub token [--uses N | --site NAME] [--for TIME]
msgd doctor [--config FILE]
msgd members
msgd tag HOST [TAG...]
msgd operator add [USER,...@]HOST --may "WHAT" [--key FILE]
msgd revoke HOST [--grant] [--key FILE]
msgd version | help
` + serviceUsage

func helpText() string {
	return `Send messages for everybody on this computer, within the rules.

` + usage + `
serve   Wait on the socket for msg and query. systemd starts it when the first
        of them connects; started by hand, as root, it does the same:

            msgd serve

check   Look at the configuration and at who may read and write what, print
        what is found, and exit with 1 if something is wrong:

            msgd check --config ./msgd.toml

relay   Connect standard input and output with the socket. It is what msg runs
        on another computer, with the rights of the account there:

            ssh web1 msgd relay

join    Make this computer a member of a fleet, as root, with a token of its hub:

            msgd join msg1.aHViOjQyMjI.c2hh.ORG.c2VjcmV0

forward Connect msgd with the hub that FILE, node.json of a member, names, and
        with nothing else. msgd-fleet.service runs it, without any rights:

            msgd forward node.json

hub     Make the hub of a fleet and a token for the first 100 computers, and
        serve them; make more tokens:

            msgd hub init
            msgd hub serve
            msgd hub token --uses 30 --for 24h

        With --cluster it stands on the site's own nats-servers, and --ca is the
        certificate of the authority that has signed theirs.

        The members of a site can have a hub of their own, a leaf hub. What is
        for them crosses the link to the main hub once:

            msgd hub token --site berlin
            msgd hub init --leaf-of msg1.aHVi.c2hh.ORG.c2Vj --site berlin

doctor  Look at everything that this computer needs as a member of a fleet, or
        as its hub, say what to do about what is wrong, and exit with 1 then:

            msgd doctor

members, tag, operator, revoke
        On the computer of the hub: who is a member; give members tags; let
        somebody on a member send; take that, or a member, away:

            msgd tag lab-07 lab ground-floor
            msgd operator add alice@desk-1 --may "send to tag:lab, broadcast"
            msgd revoke lab-07

        They take --hub FOLDER, as hub and doctor do; it is ` + defaultHub() + ` if
        left out.

FILE is ` + defaultConfig() + ` and PATH ` + control.Socket + ` if left out. SIGTERM
and Ctrl-C end msgd serve when what is being shown has been shown.

Exit status: 0 done; 1 something is wrong; 2 wrong usage; 69 relay: no msgd is
running; 78 serve: wrong configuration. See msgd(8), msgd.toml(5) and msg(1).
` + serviceHelp
}

func (p program) help(options) int {
	fmt.Fprint(p.out, helpText())
	return cli.ExitOK
}

func (p program) version(options) int {
	fmt.Fprintln(p.out, "msgd", cli.Version())
	return cli.ExitOK
}

// usageLines is what is printed for arguments of a command that are not
// understood; without one, what there is.
func (c command) usageLines(err error) string {
	all := strings.Split(strings.TrimSuffix(usage, "\n"), "\n")
	lines := slices.DeleteFunc(slices.Clone(all), func(line string) bool {
		return !strings.HasPrefix(line+" ", "msgd "+c.name+" ")
	})
	if len(lines) == 0 { // no command, or one of the last line
		lines = all
	}
	return cli.ErrorLine("msgd", err) + "\nusage: " + strings.Join(lines, "\n       ") + "\n"
}
