package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func document(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "doc", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestReference reads the file that has every key.
func TestReference(t *testing.T) {
	content := document(t, "msgd.toml")
	got, err := ReadConfig("msgd.toml", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	def := DefaultConfig()
	def.Journal.Readers, def.Windows.Administrators = []string{}, []string{} // which is as good as none
	if !reflect.DeepEqual(got, def) {
		t.Errorf("the file says\n%+v\nand the defaults are\n%+v", got, def)
	}
	for _, key := range keysOf(reflect.TypeFor[rawConfig]()) {
		if !strings.Contains(content, "\n"+key+" = ") && !strings.Contains(content, "\n# "+key+" = ") && !strings.Contains(content, "["+key+"]") {
			t.Errorf("the reference file does not have %q", key)
		}
		if man := document(t, "msgd.toml.5.scd"); !strings.Contains(man, "*"+key+"*") && !strings.Contains(man, "["+key+"]") {
			t.Errorf("the man page does not have %q", key)
		}
	}
}

// keysOf lists the keys of a table, and of those in it.
func keysOf(t reflect.Type) (keys []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		keys = append(keys, f.Tag.Get("toml"))
		for f.Type.Kind() == reflect.Slice {
			f.Type = f.Type.Elem()
		}
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(f.Type)...)
		}
	}
	return keys
}

// TestManExamples reads what the man page shows.
func TestManExamples(t *testing.T) {
	parts := strings.Split(document(t, "msgd.toml.5.scd"), "```\n")
	if len(parts) < 7 {
		t.Fatalf("found %d parts", len(parts))
	}
	for i := 1; i < len(parts); i += 2 {
		c, err := ReadConfig("example", []byte(parts[i]))
		if err != nil || reflect.DeepEqual(c, DefaultConfig()) {
			t.Errorf("%v in\n%s", err, parts[i])
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for content, want := range map[string]string{
		"[limits\nburst = 1":                                 "f.toml:1:8: expected ']' to close table name",
		"burst = 1":                                          `f.toml:1: there is no "burst"; see msgd.toml(5)`,
		"\n[limits]\n\nburts = 1":                            `f.toml:4: there is no "limits.burts"; see msgd.toml(5)`,
		"[[rule]]\nform = ['*']":                             `f.toml:2: there is no "rule.form"; see msgd.toml(5)`,
		"[limits]\nburst = 'ten'":                            `f.toml:2: limits.burst is of the wrong type; see msgd.toml(5)`,
		"[journal]\nkeep = 90":                               `f.toml:2: journal.keep is of the wrong type; see msgd.toml(5)`,
		"[[rule]]\nfrom = '*'":                               `f.toml:2: rule.from is of the wrong type; see msgd.toml(5)`,
		"[limits]\nburst = 0":                                `f.toml: limits.burst = 0; allowed: 1 to 100000`,
		"[limits]\nqueue_time = '400d'":                      `f.toml: limits.queue_time = "400d"; allowed: durations such as "90d", "36h" or "1d12h", from 1m to 365d`,
		"[journal]\nkeep = 'forever'":                        `f.toml: journal.keep = "forever"; allowed: durations such as "90d", "36h" or "1d12h", from 1h to 36500d`,
		"[journal]\nmax_size = '1PiB'":                       `f.toml: journal.max_size = "1PiB"; allowed: sizes such as "64MiB", in KiB, MiB or GiB, from 1MiB to 1024GiB`,
		"[journal]\npath = 'j.db'":                           `f.toml: journal.path = "j.db"; allowed: a path that begins at the root`,
		"[journal]\nreaders = ['*']":                         `f.toml: journal.readers = "*"; allowed: names of users and @groups`,
		"[windows]\nsockets = 'np'":                          `f.toml: windows.sockets = "np"; allowed: a path that begins at the root`,
		"[windows]\nkeytab = 'k'":                            `f.toml: windows.keytab = "k"; allowed: a path that begins at the root, or "" for none`,
		"[windows]\nname = 'linuxbox.test'":                  `f.toml: windows.name = "linuxbox.test"; allowed: a NetBIOS name of 15 letters at most, as "netbios name" in smb.conf, or "" for that of the computer`,
		"[windows]\nadministrators = ['bob']":                `f.toml: windows.administrators = "bob"; allowed: names of @groups`,
		"[log]\nlevel = 'loud'":                              `f.toml: log.level = "loud"; allowed: "debug", "info", "warn", "error"`,
		"[[rule]]\nto = ['*']":                               `f.toml: rule 1.from is missing or empty; allowed: names of users, @groups, @fleet:all, or "*" for anybody`,
		"[[rule]]\nfrom = ['adm*']":                          `f.toml: rule 1.from = "adm*"; allowed: names of users, @groups, @fleet:all, or "*" for anybody`,
		"[[rule]]\nfrom = ['self']":                          `f.toml: rule 1.from = "self"; allowed: names of users, @groups, @fleet:all, or "*" for anybody`,
		"[[rule]]\nfrom = ['@']":                             `f.toml: rule 1.from = "@"; allowed: names of users, @groups, @fleet:all, or "*" for anybody`,
		"[[rule]]\nfrom=['*']\nactions=['sned']":             `f.toml: rule 1.actions = "sned"; allowed: "send", "broadcast", "queue"`,
		"[[rule]]\nfrom=['*']\nsessions=['pts/1']":           `f.toml: rule 1.sessions = "pts/1"; allowed: "terminal", "desktop", "console"`,
		"[[rule]]\nfrom=['*']\nactions=[]":                   `f.toml: rule 1 has an empty list, with which it never fits; allowed: to leave the list out, which is all of them`,
		"[[rule]]\nfrom=['*']\nreason='no'":                  `f.toml: rule 1 has a reason but allows, or is urgent but does not allow; allowed: reason with allow = false, urgent with allow = true`,
		"[[rule]]\nfrom=['*']\nallow=false\nurgent=true":     `f.toml: rule 1 has a reason but allows, or is urgent but does not allow; allowed: reason with allow = false, urgent with allow = true`,
		"[limits]\nburst = 0\nqueue = -1":                    "f.toml: limits.burst = 0; allowed: 1 to 100000\nf.toml: limits.queue = -1; allowed: 0 to 100000",
		"[metrics]\nlisten = '0.0.0.0:9650'":                 `f.toml: metrics.listen = "0.0.0.0:9650"; allowed: "unix:/run/msg/metrics.sock", or a port of this computer alone such as "127.0.0.1:9650", or "" for none`,
		"[[limits]]\nburst = 1":                              "f.toml:1: limits is of the wrong type; see msgd.toml(5)",
		"[limits.burst]\nx = 1":                              "f.toml:1: limits.burst is of the wrong type; see msgd.toml(5)",
		"[[rule]]\nfrom=['*']\nto=['self']\nTo=['*']":        `f.toml: rule.To has capitals; allowed: rule.to`,
		"[Limits]\nburst = 1":                                `f.toml: Limits has capitals; allowed: limits`,
		"[[rule]]\nfrom=['*']\nto=['@fleet:all']":            `f.toml: rule 1.to = "@fleet:all"; allowed: names of users, @groups of this computer, "self", or "*" for everybody`,
		"[[rule]]\nfrom=['@fleet:lab']":                      `f.toml: rule 1.from = "@fleet:lab"; allowed: names of users, @groups, @fleet:all, or "*" for anybody`,
		"\ufeff[limits]\n\nburts = 1":                        `f.toml:3: there is no "limits.burts"; see msgd.toml(5)`,
		"[limits]\nburst = 1\nburst = 2":                     "f.toml:3:1: key burst is already defined",
		"[journal]\nkeep = '1d25h'\npath = '/a'\nmax_size=5": "f.toml:4: journal.max_size is of the wrong type; see msgd.toml(5)",
	} {
		_, err := ReadConfig("f.toml", []byte(content))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", content, err, want)
		}
	}
}

func TestListen(t *testing.T) {
	for value, ok := range map[string]bool{
		"": true, "unix:/run/m.sock": true, "127.0.0.1:9650": true, "[::1]:9650": true, "localhost:1": true, "127.9.9.9:65535": true,
		"unix:m.sock": false, ":9650": false, "10.0.0.1:9650": false, "example.org:9650": false, "127.0.0.1": false,
		"127.0.0.1:0": false, "127.0.0.1:http": false, "127.0.0.1:70000": false, "[::]:9650": false,
	} {
		if _, err := ReadConfig("f", []byte("[metrics]\nlisten = '"+value+"'")); (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestDurations(t *testing.T) {
	for s, want := range map[string]time.Duration{"90d": 90 * day, "36h": 36 * time.Hour, "1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute, "0d1s": time.Second} {
		if d, err := parseDuration(s); err != nil || d != want {
			t.Errorf("%q: %v, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "d", "-1d", "1.5d", "1d24h", "1d-1h", "99999999d", "1d1d", "5", "1 d"} {
		if d, err := parseDuration(s); err == nil && d != 0 {
			t.Errorf("%q: %v", s, d)
		}
	}
	for d, want := range map[time.Duration]string{90 * day: "90d", 36 * time.Hour: "1d12h", time.Minute: "1m", time.Hour: "1h", 0: "0s", 90 * time.Second: "1m30s"} {
		if got := formatDuration(d); got != want {
			t.Errorf("%v is written %q", d, got)
		}
	}
}

func TestLoadConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "msgd.toml")
	if _, err := LoadConfig(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte("[limits]\nburst = 7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := LoadConfig(path); err != nil || c.Limits.Burst != 7 || c.Limits.Queue != 1000 {
		t.Errorf("%+v, %v", c.Limits, err)
	}
}

func TestWarnings(t *testing.T) {
	c, err := ReadConfig("f", []byte("[[rule]]\nfrom=['alice','nobody-of-that-name','@msg']\nto=['@no-such-group','self']\n[[rule]]\nfrom=['*']\n[[rule]]\nfrom=['bob']\n[journal]\nreaders=['@adm','@auditors-of-nothing']"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "warnings", strings.Join(c.Warnings(testAccounts(t)), "\n"), `user "nobody-of-that-name" does not exist
group "auditors-of-nothing" does not exist
group "no-such-group" does not exist
rule 2 fits everything: those behind it are never asked`)
	if w := DefaultConfig().Warnings(testAccounts(t)); len(w) > 0 {
		t.Errorf("the defaults: %q", w)
	}
}

// FuzzConfig demands that whatever is accepted is within its limits.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(document(f, "msgd.toml")))
	for i, part := range strings.Split(document(f, "msgd.toml.5.scd"), "```\n") {
		if i%2 == 1 {
			f.Add([]byte(part))
		}
	}
	f.Add([]byte("[journal]\nmax_size='9223372036854775807'\nkeep='106751d'"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := ReadConfig("f", content)
		if err != nil {
			if len(err.Error()) == 0 {
				t.Error("an error without a text")
			}
			return
		}
		l := c.Limits
		for _, n := range []int{l.MessagesPerMinute, l.Burst, l.Clients, l.ClientsPerAccount} {
			if n < 1 || n > 100_000 {
				t.Errorf("%+v", l)
			}
		}
		if l.Waiting < 0 || l.Queue < 0 || l.QueueTime < time.Minute || l.QueueTime > 365*day {
			t.Errorf("%+v", l)
		}
		if j := c.Journal; !filepath.IsAbs(j.Path) || j.Keep < time.Hour || j.MaxSize < 1<<20 || j.MaxSize > 1<<40 {
			t.Errorf("%+v", j)
		}
		for _, r := range c.Rules {
			if len(r.From) == 0 || len(r.To) == 0 || r.Urgent && !r.Allow {
				t.Errorf("%+v", r)
			}
		}
	})
}
