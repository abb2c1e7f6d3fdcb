package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"msg"
)

// Msg is a command line of msg, understood.
type Msg struct {
	Help, Version bool

	Do     Do         // what is asked for
	Answer msg.Answer // with DoAnswer
	DND    DND        // with DoSetDND

	Recipient string   // as written: list of selectors and @files
	Words     []string // the message; nil if none was given

	Servers []string // as written: hosts and @files; empty means this computer
	Time    time.Duration
	Title   string
	Buttons msg.Buttons
	Verbose bool
	Wait    bool
	JSON    bool
	UTF8    bool          // files and pipes hold UTF-8, whatever the console's code page is
	Queue   time.Duration // how long to keep it for people who are not signed in; 0 is not at all
	User    string        // the account for Windows computers, or @FILE of one
}

// DefaultQueue is how long /queue without a time keeps a message.
const DefaultQueue = 12 * time.Hour

// maxTime is the longest display time in seconds: what Windows' ULONG holds.
const maxTime = 1<<32 - 1

// ParseMsg understands the arguments of msg (without the command's name).
// Options are recognised before and after the recipient, up to the first word
// of the message or "--". Errors are *UsageError.
func ParseMsg(args []string) (Msg, error) {
	m := Msg{Time: msg.DefaultTimeout}
	recipient, ended := false, false
	var seen []given
	for rest := args; len(rest) > 0; {
		word := rest[0]
		switch {
		case !ended && word == "--":
			ended, rest = true, rest[1:]
		case !ended && isOption(word):
			g, after, err := next(forMsg, rest)
			if err == nil {
				err = m.set(g)
			}
			if err != nil {
				return m, hintText(err, m.Do == DoSend && !blank(m.Recipient), args[:len(args)-len(rest)], rest)
			}
			rest, seen = after, append(seen, g)
		case !recipient:
			m.Recipient, recipient, rest = word, true, rest[1:]
		default:
			m.Words, rest = rest, nil
		}
	}
	if m.Help || m.Version {
		return m, nil
	}
	if m.Do != DoSend {
		return m, m.instead(seen)
	}
	if blank(m.Recipient) {
		return m, &UsageError{Reason: "a recipient is missing", Hint: "msg " + quoteStar() + " Meeting in 5 minutes"}
	}
	return m, m.checkStdin()
}

// checkStdin makes sure that no two things are read from standard input.
func (m *Msg) checkStdin() error {
	recipients, hosts := readsStdin(m.Recipient), readsStdin(strings.Join(m.Servers, ","))
	switch {
	case recipients && hosts:
		return &UsageError{Reason: "standard input cannot be the list of recipients (@-) and that of hosts (/server:@-)"}
	case recipients && m.Words == nil:
		return &UsageError{Reason: "the message is missing: standard input is the list of recipients (@-)", Hint: "msg " + shellQuote(m.Recipient) + " Meeting in 5 minutes"}
	case hosts && m.Words == nil:
		return &UsageError{Reason: "the message is missing: standard input is the list of hosts (/server:@-)", Hint: "msg " + shellQuote(m.Recipient) + " /server:@- Meeting in 5 minutes"}
	}
	return nil
}

// blank reports whether a recipient list names nobody.
func blank(list string) bool {
	return !strings.ContainsFunc(list, func(r rune) bool { return r != ',' && !unicode.IsSpace(r) })
}

// readsStdin reports whether a recipient list takes standard input.
func readsStdin(list string) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(s string) bool { return strings.TrimSpace(s) == "@-" })
}

// hintText adds the command line to paste when the word was probably text: it
// keeps what was understood before it.
func hintText(err error, recipient bool, before, rest []string) error {
	usage, ok := err.(*UsageError)
	if ok && recipient && usage.Hint == "" && usage.Reason == notAnOption {
		usage.Hint = "msg " + shellJoin(before) + " -- " + shellJoin(rest)
	}
	return err
}

// set puts one option into the command.
func (m *Msg) set(g given) error {
	var err error
	switch g.name {
	case optHelp, "h":
		m.Help = true
	case optVersion:
		m.Version = true
	case optServer:
		m.Servers = append(m.Servers, strings.Split(g.text, ",")...)
	case optTime:
		m.Time, err = parseTime(g, displayUnits, "is not a time: write seconds, or 90s, 10m, 2h; 0 means until answered")
	case optTitle:
		m.Title = g.text
	case optVerbose:
		m.Verbose = true
		if g.has {
			m.Title = g.text
		}
	case optJSON:
		m.JSON = true
	case optWait:
		m.Wait = true
	case optButtons:
		m.Wait = true
		m.Buttons, err = parseButtons(g)
	case optQueue:
		m.Queue, err = parseQueue(g)
	case optOK, optAnswer:
		m.Do = DoAnswer
		m.Answer, err = parseAnswer(g)
	case optDND:
		m.Do = DoTellDND // unless more is said, see instead
	case optDoctor:
		m.Do = DoDoctor
	case optUTF8:
		m.UTF8 = true
	case optUser:
		m.User = g.text
	}
	return err
}

// Units of time behind a number, in either case.
var (
	displayUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}
	queueUnits   = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
)

// parseTime reads whole seconds, or a number with a unit; bad is the reason of
// the error for anything else.
func parseTime(g given, units map[string]time.Duration, bad string) (time.Duration, error) {
	digits, unit := g.text, time.Second
	if end := len(g.text) - 1; end >= 0 {
		if u, ok := units[strings.ToLower(g.text[end:])]; ok {
			digits, unit = g.text[:end], u
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, &UsageError{Word: g.whole, Reason: bad}
	}
	if err != nil || n > maxTime/uint64(unit/time.Second) {
		return 0, &UsageError{Word: g.whole, Reason: fmt.Sprintf("is too long: the limit is %d seconds", uint64(maxTime))}
	}
	return time.Duration(n) * unit, nil
}

// parseQueue reads how long to keep a message.
func parseQueue(g given) (time.Duration, error) {
	if !g.has {
		return DefaultQueue, nil
	}
	const bad = "is not a time to keep a message: write 90s, 10m, 2h or 7d"
	d, err := parseTime(g, queueUnits, bad)
	if err == nil && d == 0 {
		err = &UsageError{Word: g.whole, Reason: bad}
	}
	return d, err
}

func parseButtons(g given) (msg.Buttons, error) {
	b := msg.Buttons(strings.ToLower(g.text))
	switch b {
	case msg.ButtonsOK, msg.ButtonsOKCancel, msg.ButtonsYesNo, msg.ButtonsYesNoCancel, msg.ButtonsRetryCancel:
		return b, nil
	}
	return "", &UsageError{Word: g.whole, Reason: "is not a set of buttons: ok, okcancel, yesno, yesnocancel or retrycancel"}
}

// QueryKind is what query lists.
type QueryKind string

// The kinds of query.
const (
	QuerySession QueryKind = "session"
	QueryUser    QueryKind = "user"
	QueryMessage QueryKind = "message" // what was sent, and what came of it
	QueryHost    QueryKind = "host"    // members of the fleet
)

// Query is a command line of query, understood.
type Query struct {
	Help, Version bool

	Kind    QueryKind
	Filter  string // a session name, user name or ID, or a message's ID; empty for all
	Servers []string
	Counter bool
	Limit   int // how many messages are listed at most; 0 if it was not said
	JSON    bool
	UTF8    bool   // as in Msg
	User    string // as in Msg
}

// ParseQuery understands the arguments of query. name is how the command was
// called: qwinsta and quser say the kind themselves.
func ParseQuery(name string, args []string) (Query, error) {
	q := Query{Kind: kindByName(name)}
	ended := false
	var words []string
	for rest := args; len(rest) > 0; {
		word := rest[0]
		switch {
		case !ended && word == "--":
			ended, rest = true, rest[1:]
		case !ended && isOption(word):
			g, after, err := next(forQuery, rest)
			if err == nil {
				err = q.set(g)
			}
			if err != nil {
				return q, err
			}
			rest = after
		default:
			words, rest = append(words, word), rest[1:]
		}
	}
	if q.Help || q.Version {
		return q, nil
	}
	return q, q.setWords(words)
}

// setWords reads the words that are not options: the kind, unless the
// command's name said it, and a filter.
func (q *Query) setWords(words []string) error {
	if q.Kind == "" {
		if len(words) == 0 {
			return &UsageError{Reason: "what to query is missing", Hint: "query session"}
		}
		switch k := QueryKind(strings.ToLower(words[0])); k {
		case QuerySession, QueryUser, QueryMessage, QueryHost:
			q.Kind = k
		default:
			return &UsageError{Word: words[0], Reason: "cannot be queried: write session, user, message or host", Hint: "query session " + shellQuote(words[0])}
		}
		words = words[1:]
	}
	if (q.Kind == QueryMessage || q.Kind == QueryHost) && q.Counter {
		return &UsageError{Word: "/counter", Reason: "does not go with query " + string(q.Kind)}
	}
	if q.Kind == QueryHost && len(q.Servers) > 0 {
		return &UsageError{Word: "/server", Reason: "does not go with query host", Hint: "query host " + shellQuote(q.Servers[0])}
	}
	if q.Kind != QueryMessage && q.Limit > 0 {
		return &UsageError{Word: "/limit", Reason: "goes with query message only", Hint: "query message /limit:" + strconv.Itoa(q.Limit)}
	}
	if len(words) > 1 {
		return &UsageError{Word: words[1], Reason: "is one name too many"}
	}
	if len(words) == 1 {
		if q.Filter = words[0]; q.Filter == "" {
			return &UsageError{Word: "", Reason: "the name is empty"}
		}
	}
	return nil
}

func kindByName(name string) QueryKind {
	switch strings.TrimSuffix(strings.ToLower(name), ".exe") {
	case "qwinsta":
		return QuerySession
	case "quser":
		return QueryUser
	}
	return ""
}

func (q *Query) set(g given) (err error) {
	switch g.name {
	case optHelp, "h":
		q.Help = true
	case optVersion:
		q.Version = true
	case optServer:
		q.Servers = append(q.Servers, strings.Split(g.text, ",")...)
	case optCounter:
		q.Counter = true
	case optLimit:
		q.Limit, err = parseLimit(g)
	case optJSON:
		q.JSON = true
	case optUTF8:
		q.UTF8 = true
	case optUser:
		q.User = g.text
	case "mode", "flow", "connect", "vm": // nothing to show, see the table
	}
	return err
}

func parseLimit(g given) (int, error) {
	n, err := strconv.Atoi(g.text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, &UsageError{Word: g.whole, Reason: fmt.Sprintf("is not a number of messages: 1 to %d", maxLimit)}
	}
	return n, nil
}
