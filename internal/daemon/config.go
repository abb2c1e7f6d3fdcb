package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"msg/internal/account"
)

// Config is what msgd.toml says. It comes from DefaultConfig or ReadConfig,
// which have checked it.
type Config struct {
	Rules   Rules
	Limits  Limits
	Journal JournalConfig
	Fleet   string // folder of this computer as a member of a fleet
	Metrics Listen // where metrics are offered; zero is nowhere
	Windows WindowsConfig
	Log     slog.Level // what is logged

	// LogFormat is "text", "json" or "journal"; empty is text, in the form of
	// journald where that reads it.
	LogFormat string
}

// Limits are what one account, or all together, may use. A superuser is
// exempt from all but the Clients.
type Limits struct {
	MessagesPerMinute int           // that an account may send
	Burst             int           // of them at once
	Waiting           int           // messages that wait for answers
	WaitingPerAccount int           //
	Queue             int           // messages kept for people who are not signed in, one for each person
	QueuePerAccount   int           // of one sender, and for one person
	QueueTime         time.Duration // the longest that one is kept
	Clients           int           // connections to msgd
	ClientsPerAccount int           //
}

// JournalConfig says where the journal is and how long it remembers.
type JournalConfig struct {
	Path    string
	Keep    time.Duration
	MaxSize int64    // bytes
	Readers []string // users and @groups who may read what everybody sent
}

// WindowsConfig says whether Windows' own msg.exe and query.exe reach this
// computer through Samba, and as whom.
type WindowsConfig struct {
	Listen         bool
	Sockets        string   // the folder where smbd looks for the sockets of pipes
	Name           string   // NetBIOS name of this computer; empty is that of Samba's default
	Keytab         string   // for Kerberos; empty is none
	Administrators []string // @groups whose members may do everything
}

// Listen is an address to listen on.
type Listen struct {
	Network string // "unix" or "tcp"
	Address string
}

// rawConfig is msgd.toml as it is written.
type rawConfig struct {
	Rule    []rawRule  `toml:"rule"`
	Limits  rawLimits  `toml:"limits"`
	Journal rawJournal `toml:"journal"`
	Fleet   rawFleet   `toml:"fleet"`
	Metrics rawMetrics `toml:"metrics"`
	Windows rawWindows `toml:"windows"`
	Log     rawLog     `toml:"log"`
}

type rawLimits struct {
	MessagesPerMinute int    `toml:"messages_per_minute"`
	Burst             int    `toml:"burst"`
	Waiting           int    `toml:"waiting"`
	WaitingPerAccount int    `toml:"waiting_per_account"`
	Queue             int    `toml:"queue"`
	QueuePerAccount   int    `toml:"queue_per_account"`
	QueueTime         string `toml:"queue_time"`
	Clients           int    `toml:"clients"`
	ClientsPerAccount int    `toml:"clients_per_account"`
}

type rawJournal struct {
	Path    string   `toml:"path"`
	Keep    string   `toml:"keep"`
	MaxSize string   `toml:"max_size"`
	Readers []string `toml:"readers"`
}

type rawFleet struct {
	Path string `toml:"path"`
}

type rawMetrics struct {
	Listen string `toml:"listen"`
}

type rawWindows struct {
	Listen         bool     `toml:"listen"`
	Sockets        string   `toml:"sockets"`
	Name           string   `toml:"name"`
	Keytab         string   `toml:"keytab"`
	Administrators []string `toml:"administrators"`
}

type rawLog struct {
	Level  string `toml:"level"`
	Format string `toml:"format"`
}

// DefaultJournal is where the journal is if nothing else is said. A program for
// a system without such a folder puts another one in its place.
const DefaultJournal = "/var/lib/msg/journal.db"

// DefaultFleet is the same for the folder of a member of a fleet.
const DefaultFleet = "/var/lib/msg/fleet"

// defaults are what a file need not say.
func defaults() rawConfig {
	return rawConfig{
		Limits: rawLimits{
			MessagesPerMinute: 30, Burst: 10, Waiting: 500, WaitingPerAccount: 20,
			Queue: 1000, QueuePerAccount: 50, QueueTime: "30d", Clients: 512, ClientsPerAccount: 64,
		},
		Journal: rawJournal{Path: DefaultJournal, Keep: "90d", MaxSize: "64MiB"},
		Windows: rawWindows{Sockets: "/run/samba/ncalrpc/np", Keytab: "/etc/krb5.keytab"},
		Fleet:   rawFleet{Path: DefaultFleet},
		Log:     rawLog{Level: "info"},
	}
}

// DefaultConfig is what holds without a file.
func DefaultConfig() Config {
	c := checker{file: "the defaults"}
	config := c.config(defaults())
	if len(c.errs) > 0 {
		panic(errors.Join(c.errs...)) // a test would have found it
	}
	return config
}

// LoadConfig reads a file. The error names file, key, value and what is
// allowed, in a line for each that is wrong; errors.Is finds fs.ErrNotExist.
func LoadConfig(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return ReadConfig(path, b)
}

// ReadConfig is LoadConfig for what a file of that name has in it.
func ReadConfig(file string, content []byte) (Config, error) {
	raw := defaults()
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // which editors on Windows put there
	dec := toml.NewDecoder(bytes.NewReader(content))
	if err := dec.DisallowUnknownFields().Decode(&raw); err != nil {
		return Config{}, syntaxError(file, err)
	}
	c := checker{file: file}
	c.keys(content)
	config := c.config(raw)
	return config, errors.Join(c.errs...)
}

// syntaxError says in which lines of the file the errors are.
func syntaxError(file string, err error) error {
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &unknown):
		var errs []error
		for _, e := range unknown.Errors {
			line, _ := e.Position()
			errs = append(errs, fmt.Errorf("%s:%d: there is no %q; see msgd.toml(5)", file, line, strings.Join(e.Key(), ".")))
		}
		return errors.Join(errs...)
	case errors.As(err, &wrong):
		line, column := wrong.Position()
		key := strings.Join(wrong.Key(), ".")
		if key != "" && (strings.Contains(wrong.Error(), "cannot decode") || strings.Contains(wrong.Error(), "cannot store")) {
			return fmt.Errorf("%s:%d: %s is of the wrong type; see msgd.toml(5)", file, line, key)
		}
		return fmt.Errorf("%s:%d:%d: %s", file, line, column, strings.TrimPrefix(wrong.Error(), "toml: "))
	}
	return fmt.Errorf("%s: %v", file, err)
}

// Groups names the groups that make a difference.
func (c Config) Groups() []string {
	_, groups := append(c.Rules, Rule{From: c.Journal.Readers}).names()
	return groups
}

// Warnings names what is allowed but perhaps not meant: users and groups that
// do not exist here, and rules behind one that fits everything.
func (c Config) Warnings(accounts *account.DB) []string {
	rules := c.Rules
	if accounts.HasDomains() && rules.areDefault() {
		rules = nil // nobody has written them, and no package makes the group msg there
	}
	users, groups := append(rules, Rule{From: c.Journal.Readers}, Rule{From: c.Windows.Administrators}).names()
	var warnings []string
	for _, u := range users {
		if !accounts.UserExists(u) && (accounts.HasDomains() || !isWindowsName(u)) { // winbind knows those
			warnings = append(warnings, fmt.Sprintf("user %q does not exist", u))
		}
	}
	for _, g := range groups {
		if !accounts.GroupExists(g) {
			warnings = append(warnings, fmt.Sprintf("group %q does not exist", g))
		}
	}
	for i, r := range c.Rules[:max(0, len(c.Rules)-1)] {
		if r.fitsAll() {
			warnings = append(warnings, fmt.Sprintf("rule %d fits everything: those behind it are never asked", i+1))
			break
		}
	}
	return warnings
}
