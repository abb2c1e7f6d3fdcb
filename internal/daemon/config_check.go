package daemon

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// checker turns raw values into those that the program uses, and collects
// what is wrong with them.
type checker struct {
	file string
	errs []error
}

// wrong adds a finding: key, what it is, and what is allowed instead.
func (c *checker) wrong(key, is, allowed string) {
	c.errs = append(c.errs, fmt.Errorf("%s: %s %s; allowed: %s", c.file, key, is, allowed))
}

// keys finds keys with capitals. Those of TOML are told apart, but the decoder
// takes To for to: of two that contradict each other the last would hold.
func (c *checker) keys(content []byte) {
	var all map[string]any
	if err := toml.Unmarshal(content, &all); err != nil {
		c.errs = append(c.errs, syntaxError(c.file, err))
	}
	c.keysOf("", all)
}

func (c *checker) keysOf(prefix string, v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			c.keysOf(prefix, x)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key != strings.ToLower(key) {
				c.wrong(prefix+key, "has capitals", prefix+strings.ToLower(key))
			}
			c.keysOf(prefix+key+".", v[key])
		}
	}
}

func (c *checker) config(raw rawConfig) Config {
	config := Config{
		Rules:   DefaultRules(),
		Limits:  c.limits(raw.Limits),
		Journal: c.journal(raw.Journal),
		Fleet:   c.path("fleet.path", raw.Fleet.Path),
		Metrics: c.listen("metrics.listen", raw.Metrics.Listen),
		Windows: c.windows(raw.Windows),
		Log:     c.level("log.level", raw.Log.Level),

		LogFormat: raw.Log.Format,
	}
	if raw.Log.Format != "" {
		c.oneOf("log.format", raw.Log.Format, "text", "json", "journal")
	}
	if len(raw.Rule) > 0 {
		config.Rules = nil
	}
	for i, r := range raw.Rule {
		config.Rules = append(config.Rules, c.rule(fmt.Sprintf("rule %d", i+1), r))
	}
	return config
}

func (c *checker) limits(raw rawLimits) Limits {
	return Limits{
		MessagesPerMinute: c.number("limits.messages_per_minute", raw.MessagesPerMinute, 1, 100_000),
		Burst:             c.number("limits.burst", raw.Burst, 1, 100_000),
		Waiting:           c.number("limits.waiting", raw.Waiting, 0, 100_000),
		WaitingPerAccount: c.number("limits.waiting_per_account", raw.WaitingPerAccount, 0, 100_000),
		Queue:             c.number("limits.queue", raw.Queue, 0, 100_000),
		QueuePerAccount:   c.number("limits.queue_per_account", raw.QueuePerAccount, 0, 100_000),
		QueueTime:         c.duration("limits.queue_time", raw.QueueTime, time.Minute, 365*day),
		Clients:           c.number("limits.clients", raw.Clients, 1, 100_000),
		ClientsPerAccount: c.number("limits.clients_per_account", raw.ClientsPerAccount, 1, 100_000),
	}
}

func (c *checker) journal(raw rawJournal) JournalConfig {
	for _, name := range raw.Readers {
		c.name("journal.readers", name, "names of users and @groups", name != anybody && name != oneself)
	}
	return JournalConfig{
		Path:    c.path("journal.path", raw.Path),
		Keep:    c.duration("journal.keep", raw.Keep, time.Hour, 36_500*day),
		MaxSize: c.size("journal.max_size", raw.MaxSize, 1<<20, 1<<40),
		Readers: raw.Readers,
	}
}

// windows is read on all systems, so that one file can be for several.
func (c *checker) windows(raw rawWindows) WindowsConfig {
	if !strings.HasPrefix(raw.Sockets, "/") {
		c.wrong("windows.sockets", fmt.Sprintf("= %q", raw.Sockets), "a path that begins at the root")
	}
	if raw.Keytab != "" && !strings.HasPrefix(raw.Keytab, "/") {
		c.wrong("windows.keytab", fmt.Sprintf("= %q", raw.Keytab), `a path that begins at the root, or "" for none`)
	}
	if len(raw.Name) > maxNetBIOS || strings.ContainsFunc(raw.Name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"/\[]:|<>+=;,?*.`, r) }) {
		c.wrong("windows.name", fmt.Sprintf("= %q", raw.Name), `a NetBIOS name of 15 letters at most, as "netbios name" in smb.conf, or "" for that of the computer`)
	}
	for _, name := range raw.Administrators {
		c.name("windows.administrators", name, "names of @groups", strings.HasPrefix(name, groupOf))
	}
	return WindowsConfig(raw)
}

// maxNetBIOS is the length of a NetBIOS name.
const maxNetBIOS = 15

func (c *checker) path(key, path string) string {
	if !filepath.IsAbs(path) && !strings.HasPrefix(path, "/") { // which Windows takes as well
		c.wrong(key, fmt.Sprintf("= %q", path), "a path that begins at the root")
	}
	return path
}

func (c *checker) number(key string, n, least, most int) int {
	if n < least || n > most {
		c.wrong(key, fmt.Sprintf("= %d", n), fmt.Sprintf("%d to %d", least, most))
	}
	return n
}

func (c *checker) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.wrong(key, fmt.Sprintf("= %q", value), `"`+strings.Join(allowed, `", "`)+`"`)
	}
}

const day = 24 * time.Hour

func (c *checker) duration(key, value string, least, most time.Duration) time.Duration {
	d, err := parseDuration(value)
	if err != nil || d < least || d > most {
		c.wrong(key, fmt.Sprintf("= %q", value), fmt.Sprintf(`durations such as "90d", "36h" or "1d12h", from %s to %s`, formatDuration(least), formatDuration(most)))
	}
	return d
}

// parseDuration is time.ParseDuration with whole days in front.
func parseDuration(s string) (time.Duration, error) {
	number, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	days, err := strconv.ParseUint(number, 10, 16)
	if err != nil || rest == "" {
		return time.Duration(days) * day, err
	}
	d, err := time.ParseDuration(rest)
	if err == nil && (d < 0 || d >= day) {
		err = fmt.Errorf("%q is a day or more", rest)
	}
	return time.Duration(days)*day + d, err
}

// formatDuration is the other way round, as short as it can be.
func formatDuration(d time.Duration) string {
	s := ""
	if days := d / day; days > 0 {
		s, d = fmt.Sprintf("%dd", days), d%day
	}
	if d == 0 && s != "" {
		return s
	}
	short := d.String() // "1h0m0s"
	if strings.HasSuffix(short, "m0s") {
		short = strings.TrimSuffix(short, "0s")
	}
	if strings.HasSuffix(short, "h0m") {
		short = strings.TrimSuffix(short, "0m")
	}
	return s + short
}

// units of a size; one without a unit is bytes.
var units = []struct {
	name   string
	factor int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}

func (c *checker) size(key, value string, least, most int64) int64 {
	n, err := parseSize(value)
	if err != nil || n < least || n > most {
		c.wrong(key, fmt.Sprintf("= %q", value), fmt.Sprintf(`sizes such as "64MiB", in KiB, MiB or GiB, from %dMiB to %dGiB`, least>>20, most>>30))
	}
	return n
}

func parseSize(s string) (int64, error) {
	factor := int64(1)
	for _, u := range units {
		if number, ok := strings.CutSuffix(s, u.name); ok {
			s, factor = number, u.factor
			break
		}
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err == nil && n > uint64(math.MaxInt64/factor) {
		return 0, strconv.ErrRange
	}
	return int64(n) * factor, err
}

// listen reads an address that other computers cannot reach: metrics are not
// secret, but they are not for everybody either.
func (c *checker) listen(key, value string) Listen {
	if value == "" {
		return Listen{}
	}
	if path, ok := strings.CutPrefix(value, "unix:"); ok && filepath.IsAbs(path) {
		return Listen{"unix", path}
	}
	host, port, err := net.SplitHostPort(value)
	ip := net.ParseIP(host)
	number, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || number == 0 || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		c.wrong(key, fmt.Sprintf("= %q", value), `"unix:/run/msg/metrics.sock", or a port of this computer alone such as "127.0.0.1:9650", or "" for none`)
	}
	return Listen{"tcp", value}
}

func (c *checker) level(key, value string) slog.Level {
	c.oneOf(key, value, "debug", "info", "warn", "error")
	var l slog.Level
	if err := l.UnmarshalText([]byte(value)); err != nil {
		return slog.LevelInfo // the error is on the list
	}
	return l
}
