package cli

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"msg"
)

// spellings are all ways to write one option, each as the words it takes.
func spellings(name, value string, ownWord bool) [][]string {
	var all [][]string
	upper, mixed := strings.ToUpper(name), strings.ToUpper(name[:1])+name[1:]
	for _, n := range []string{name, upper, mixed} {
		for _, mark := range []string{"/", "-", "--"} {
			if value == "" {
				all = append(all, []string{mark + n})
				continue
			}
			all = append(all, []string{mark + n + ":" + value}, []string{mark + n + "=" + value})
		}
		if value != "" && ownWord {
			all = append(all, []string{"--" + n, value})
		}
	}
	return all
}

func TestParseMsgSpellings(t *testing.T) {
	type change func(*Msg)
	for _, c := range []struct {
		name, value string
		ownWord     bool // --name value
		want        change
	}{
		{"server", "web1", true, func(m *Msg) { m.Servers = []string{"web1"} }},
		{"server", "web1,web2", true, func(m *Msg) { m.Servers = []string{"web1", "web2"} }},
		{"server", "@hosts.txt", true, func(m *Msg) { m.Servers = []string{"@hosts.txt"} }},
		{"time", "60", true, func(m *Msg) { m.Time = time.Minute }},
		{"time", "2H", true, func(m *Msg) { m.Time = 2 * time.Hour }},
		{"title", "At 18:00 = six", true, func(m *Msg) { m.Title = "At 18:00 = six" }},
		{"title", "--", true, func(m *Msg) { m.Title = "--" }},
		{"buttons", "YesNo", true, func(m *Msg) { m.Buttons, m.Wait = msg.ButtonsYesNo, true }},
		{"v", "", false, func(m *Msg) { m.Verbose = true }},
		{"v", "Maintenance", false, func(m *Msg) { m.Verbose, m.Title = true, "Maintenance" }},
		{"w", "", false, func(m *Msg) { m.Wait = true }},
		{"json", "", false, func(m *Msg) { m.JSON = true }},
		{"queue", "", false, func(m *Msg) { m.Queue = 12 * time.Hour }},
		{"queue", "90s", false, func(m *Msg) { m.Queue = 90 * time.Second }},
		{"queue", "7D", false, func(m *Msg) { m.Queue = 7 * 24 * time.Hour }},
		{"help", "", false, func(m *Msg) { m.Help = true }},
		{"h", "", false, func(m *Msg) { m.Help = true }},
		{"?", "", false, func(m *Msg) { m.Help = true }},
		{"version", "", false, func(m *Msg) { m.Version = true }},
	} {
		want := Msg{Recipient: "bob", Words: []string{"hello", "/w"}, Time: msg.DefaultTimeout}
		c.want(&want)
		for _, words := range spellings(c.name, c.value, c.ownWord) {
			for _, args := range [][]string{
				slices.Concat(words, []string{"bob", "hello", "/w"}),
				slices.Concat([]string{"bob"}, words, []string{"hello", "/w"}),
				slices.Concat(words, []string{"bob", "--", "hello", "/w"}),
			} {
				got, err := ParseMsg(args)
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("ParseMsg(%q)\n got %+v, %v\nwant %+v", args, got, err, want)
				}
			}
		}
	}
}

// TestParseMsgText tells what is an option from what is text.
func TestParseMsgText(t *testing.T) {
	for _, c := range []struct {
		args      string // words, separated by one blank
		recipient string
		words     []string
		check     func(Msg) bool // further wishes
	}{
		{"bob hello", "bob", []string{"hello"}, nil},
		{"bob hello /w", "bob", []string{"hello", "/w"}, func(m Msg) bool { return !m.Wait }},
		{"bob hello --time 5", "bob", []string{"hello", "--time", "5"}, func(m Msg) bool { return m.Time == time.Minute }},
		{"bob hello -- /w", "bob", []string{"hello", "--", "/w"}, nil},
		{"bob 5 minutes left", "bob", []string{"5", "minutes", "left"}, nil},
		{"bob -- /etc is full", "bob", []string{"/etc", "is", "full"}, nil},
		{"bob /v -- /w", "bob", []string{"/w"}, func(m Msg) bool { return m.Verbose && !m.Wait }},
		{"bob -- -- x", "bob", []string{"--", "x"}, nil},
		{"-- bob /w", "bob", []string{"/w"}, func(m Msg) bool { return !m.Wait }},
		{"-- -bob hello", "-bob", []string{"hello"}, nil},
		{"-- /bob", "/bob", nil, nil},
		{"bob", "bob", nil, nil},
		{"bob /w", "bob", nil, func(m Msg) bool { return m.Wait }},
		{"bob --", "bob", nil, nil},
		{"bob  x", "bob", []string{"", "x"}, nil}, // an empty word is text
		{"bob - x", "bob", []string{"-", "x"}, nil},
		{"bob / x", "bob", []string{"/", "x"}, nil},
		{"* Meeting", "*", []string{"Meeting"}, nil},
		{"@users.txt,bob:2 hi", "@users.txt,bob:2", []string{"hi"}, nil},
		// /v takes no other word: Title is the first word of the text.
		{"bob /v Title text", "bob", []string{"Title", "text"}, func(m Msg) bool { return m.Verbose && m.Title == "" }},
		{"bob --v Title text", "bob", []string{"Title", "text"}, func(m Msg) bool { return m.Verbose && m.Title == "" }},
		{"bob /v: text", "bob", []string{"text"}, func(m Msg) bool { return m.Verbose && m.Title == "" }},
		// The last one counts, servers are added up.
		{"/time:5 bob /time:6 x", "bob", []string{"x"}, func(m Msg) bool { return m.Time == 6*time.Second }},
		{"/server:a /server:b,c bob --server d x", "bob", []string{"x"}, func(m Msg) bool { return slices.Equal(m.Servers, []string{"a", "b", "c", "d"}) }},
		{"/v:One /title:Two bob x", "bob", []string{"x"}, func(m Msg) bool { return m.Verbose && m.Title == "Two" }},
	} {
		m, err := ParseMsg(strings.Split(c.args, " "))
		if err != nil || m.Recipient != c.recipient || !slices.Equal(m.Words, c.words) || (m.Words == nil) != (c.words == nil) {
			t.Errorf("msg %s: recipient %q, words %q, %v", c.args, m.Recipient, m.Words, err)
		} else if c.check != nil && !c.check(m) {
			t.Errorf("msg %s: %+v", c.args, m)
		}
	}
}

func TestParseMsgTime(t *testing.T) {
	for _, c := range []struct {
		value string
		want  time.Duration
		err   string // part of the error
	}{
		{"60", time.Minute, ""},
		{"0", 0, ""},
		{"0s", 0, ""},
		{"007", 7 * time.Second, ""},
		{"90s", 90 * time.Second, ""},
		{"90S", 90 * time.Second, ""},
		{"10m", 10 * time.Minute, ""},
		{"2h", 2 * time.Hour, ""},
		{"86400", 24 * time.Hour, ""},
		{"4294967295", 4294967295 * time.Second, ""},
		{"4294967296", 0, "is too long: the limit is 4294967295 seconds"},
		{"71582788m", 71582788 * time.Minute, ""},
		{"71582789m", 0, "is too long: the limit is 4294967295 seconds"},
		{"1193046h", 1193046 * time.Hour, ""},
		{"1193047h", 0, "is too long: the limit is 4294967295 seconds"},
		{"99999999999999999999", 0, "is too long: the limit is 4294967295 seconds"},
		{"abc", 0, "is not a time: write seconds, or 90s, 10m, 2h"},
		{"-1", 0, "is not a time"},
		{"+1", 0, "is not a time"},
		{"1.5", 0, "is not a time"},
		{"1_0", 0, "is not a time"},
		{"0x10", 0, "is not a time"},
		{"s", 0, "is not a time"},
		{"1h30m", 0, "is not a time"},
		{" 5", 0, "is not a time"},
		{"٣", 0, "is not a time"},
		{"", 0, "needs a value, as in /time:60"},
	} {
		m, err := ParseMsg([]string{"bob", "/time:" + c.value, "x"})
		switch {
		case c.err == "" && (err != nil || m.Time != c.want):
			t.Errorf("/time:%s = %v, %v; want %v", c.value, m.Time, err, c.want)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), `"/time:`+c.value)):
			t.Errorf("/time:%s = %v, %v; want the error %q", c.value, m.Time, err, c.err)
		}
	}
}

func TestParseMsgQueue(t *testing.T) {
	for value, want := range map[string]time.Duration{"60": time.Minute, "10m": 10 * time.Minute, "2h": 2 * time.Hour, "1d": 24 * time.Hour} {
		if m, err := ParseMsg([]string{"bob", "/queue:" + value, "x"}); err != nil || m.Queue != want {
			t.Errorf("/queue:%s = %v, %v; want %v", value, m.Queue, err, want)
		}
	}
	for _, value := range []string{"", "0", "0h", "long", "-1", "1w", "d", "4294967296", "49711d"} {
		if m, err := ParseMsg([]string{"bob", "/queue:" + value, "x"}); err == nil {
			t.Errorf("/queue:%s = %v", value, m.Queue)
		}
	}
}

func TestParseMsgButtons(t *testing.T) {
	for _, b := range []msg.Buttons{msg.ButtonsOK, msg.ButtonsOKCancel, msg.ButtonsYesNo, msg.ButtonsYesNoCancel, msg.ButtonsRetryCancel} {
		if m, err := ParseMsg([]string{"/buttons:" + strings.ToUpper(string(b)), "bob"}); err != nil || m.Buttons != b || !m.Wait {
			t.Errorf("/buttons:%s = %+v, %v", b, m, err)
		}
	}
	for _, bad := range []string{"no", "yes,no", "okcancelx", "yesno "} {
		if m, err := ParseMsg([]string{"/buttons:" + bad, "bob"}); err == nil || !strings.Contains(err.Error(), "yesnocancel") {
			t.Errorf("/buttons:%s = %q, %v", bad, m.Buttons, err)
		}
	}
}

// TestParseMsgErrors has errors with the line to paste instead.
func TestParseMsgErrors(t *testing.T) {
	for _, c := range []struct {
		args      []string
		err, hint string
	}{
		{nil, "a recipient is missing", "msg '*' Meeting in 5 minutes"},
		{[]string{"/w"}, "a recipient is missing", "msg '*' Meeting in 5 minutes"},
		{[]string{"", "hello"}, "a recipient is missing", "msg '*' Meeting in 5 minutes"},
		{[]string{"--"}, "a recipient is missing", "msg '*' Meeting in 5 minutes"},
		{[]string{"bob", "/etc", "is", "full"}, `"/etc" is not an option`, "msg bob -- /etc is full"},
		{[]string{"*", "-5", "degrees"}, `"-5" is not an option`, "msg '*' -- -5 degrees"},
		{[]string{"John Smith", "/10", "it's", "$HOME"}, `"/10" is not an option`, `msg 'John Smith' -- /10 'it'\''s' '$HOME'`},
		// What was understood stays in the hint: without /server the message
		// would go to another computer.
		{[]string{"/server:web1", "bob", "/etc", "is", "full"}, `"/etc" is not an option`, "msg /server:web1 bob -- /etc is full"},
		{[]string{"bob", "--title", "Disk full", "/w", "/etc", "/usr"}, `"/etc" is not an option`, "msg bob --title 'Disk full' /w -- /etc /usr"},
		{[]string{"/etc", "bob"}, `"/etc" is not an option`, ""},
		{[]string{"", "/etc", "bob"}, `"/etc" is not an option`, ""},
		{[]string{"---w", "bob"}, `"---w" is not an option`, ""},
		{[]string{"//w", "bob"}, `"//w" is not an option`, ""},
		{[]string{"/:x", "bob"}, `"/:x" is not an option`, ""},
		{[]string{"/counter", "bob"}, `"/counter" is not an option`, ""},
		{[]string{"/w:yes", "bob"}, `"/w:yes" takes no value`, ""},
		{[]string{"--json=", "bob"}, `"--json=" takes no value`, ""},
		{[]string{"bob", "/time", "60"}, `"/time" needs a value, as in /time:60`, ""},
		{[]string{"bob", "-time", "60"}, `"-time" needs a value, as in /time:60`, ""},
		{[]string{"bob", "--title", ""}, `"--title" needs a value, as in /title:Maintenance`, ""},
		{[]string{"bob", "--server"}, `"--server" needs a value, as in /server:web1`, ""},
		{[]string{"bob", "--time", "soon"}, `"--time soon" is not a time: write seconds, or 90s, 10m, 2h; 0 means until answered`, ""},
		{[]string{"bob", "/\x1b[2J"}, `"/^[[2J" is not an option`, `msg bob -- "/\x1b[2J"`},
	} {
		_, err := ParseMsg(c.args)
		var usage *UsageError
		if !errors.As(err, &usage) || err.Error() != c.err || usage.Hint != c.hint {
			t.Errorf("ParseMsg(%q)\n got %v, %+v\nwant %s, hint %s", c.args, err, usage, c.err, c.hint)
			continue
		}
		if words := shellWords(c.hint); len(words) > 0 {
			if _, err := ParseMsg(words[1:]); err != nil {
				t.Errorf("the hint %q is wrong too: %v", c.hint, err)
			}
		}
	}
}

// shellWords takes a line apart as a Unix shell does, quotes included.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			in, quote = true, c
		case c == '\\' && i+1 < len(line):
			i++
			in = true
			word.WriteByte(line[i])
		case c == ' ':
			if in {
				words = append(words, word.String())
			}
			in = false
			word.Reset()
		default:
			in = true
			word.WriteByte(c)
		}
	}
	if in {
		words = append(words, word.String())
	}
	return words
}

// TestOptionTable holds that each option that needs a value has an example of
// one, and that the example is right.
func TestOptionTable(t *testing.T) {
	for _, o := range options {
		if (o.value == valueRequired) != (example[o.name] != "") {
			t.Errorf("/%s: value %d, example %q", o.name, o.value, example[o.name])
		}
		word := "/" + o.name
		if o.value == valueRequired {
			word += ":" + example[o.name]
		}
		args := []string{word, "bob"}
		if slices.Contains([]string{optOK, optAnswer, optDND, optDoctor}, o.name) {
			args = args[:1]
		}
		if _, err := ParseMsg(args); o.in&forMsg != 0 && err != nil {
			t.Errorf("msg %q: %v", args, err)
		}
		kind := "user"
		if o.name == optLimit {
			kind = "message"
		}
		if _, err := ParseQuery("query", []string{word, kind}); o.in&forQuery != 0 && err != nil {
			t.Errorf("query %s %s: %v", word, kind, err)
		}
	}
}

func TestParseQuery(t *testing.T) {
	for _, c := range []struct {
		command, args string
		want          Query
		err           string
	}{
		{"query", "session", Query{Kind: QuerySession}, ""},
		{"query", "USER", Query{Kind: QueryUser}, ""},
		{"query", "message", Query{Kind: QueryMessage}, ""},
		{"query", "message 5DTB4K", Query{Kind: QueryMessage, Filter: "5DTB4K"}, ""},
		{"query", "message /counter", Query{}, `"/counter" does not go with query message`},
		{"query", "message /limit:1000", Query{Kind: QueryMessage, Limit: 1000}, ""},
		{"query", "session /limit:1000", Query{}, `"/limit" goes with query message only`},
		{"query", "message /limit:0", Query{}, `"/limit:0" is not a number of messages: 1 to 10000`},
		{"query", "message /limit:10001", Query{}, `"/limit:10001" is not a number of messages: 1 to 10000`},
		{"query", "session pts/3", Query{Kind: QuerySession, Filter: "pts/3"}, ""},
		{"query", "user bob /server:web1,web2", Query{Kind: QueryUser, Filter: "bob", Servers: []string{"web1", "web2"}}, ""},
		{"query", "/server:web1 user --server web2 bob", Query{Kind: QueryUser, Filter: "bob", Servers: []string{"web1", "web2"}}, ""},
		{"query", "session /COUNTER -json", Query{Kind: QuerySession, Counter: true, JSON: true}, ""},
		{"query", "session -- -bob", Query{Kind: QuerySession, Filter: "-bob"}, ""},
		{"query", "session --user bob", Query{Kind: QuerySession, User: "bob"}, ""},
		{"query", "/?", Query{Help: true}, ""},
		{"query", "session a b c -h", Query{Kind: "", Help: true}, ""},
		{"query", "--version", Query{Version: true}, ""},
		{"qwinsta", "", Query{Kind: QuerySession}, ""},
		{"qwinsta", "console", Query{Kind: QuerySession, Filter: "console"}, ""},
		{"QWINSTA.EXE", "user", Query{Kind: QuerySession, Filter: "user"}, ""},
		{"quser", "", Query{Kind: QueryUser}, ""},
		{"quser.exe", "bob /json", Query{Kind: QueryUser, Filter: "bob", JSON: true}, ""},
		{"query", "", Query{}, "what to query is missing"},
		{"query", "bob", Query{}, `"bob" cannot be queried: write session, user, message or host`},
		{"query", "session a b", Query{}, `"b" is one name too many`},
		{"quser", "a b", Query{}, `"b" is one name too many`},
		{"query", "session /w", Query{}, `"/w" is not an option`},
		{"query", "session /time:60", Query{}, `"/time:60" is not an option`},
		{"query", "session /counter:1", Query{}, `"/counter:1" takes no value`},
		{"query", "session /server:", Query{}, `"/server:" needs a value, as in /server:web1`},
	} {
		q, err := ParseQuery(c.command, shellWords(c.args))
		var usage *UsageError
		switch {
		case c.err == "" && (err != nil || !reflect.DeepEqual(q, c.want)):
			t.Errorf("%s %s\n got %+v, %v\nwant %+v", c.command, c.args, q, err, c.want)
		case c.err != "" && (!errors.As(err, &usage) || err.Error() != c.err):
			t.Errorf("%s %s: %v, want %q", c.command, c.args, err, c.err)
		}
	}
}
