// Package cli is the language between the commands and the people who use
// them: one table of options in all spellings, how recipients, messages and
// times are written, and every line that is printed.
//
// It promises to do no input or output of its own and to read no environment:
// the commands hand in arguments and bytes and print what comes back. Text
// that somebody else chose (names, errors) leaves it only through
// internal/text. Start with ParseMsg and ParseQuery.
package cli

import (
	"strings"
)

// command says which commands know an option.
type command int

const (
	forMsg command = 1 << iota
	forQuery
)

// value says whether an option takes a value.
type value int

const (
	valueNone     value = iota
	valueOptional       // only in the same word: /v:TEXT
	valueRequired       // /time:60, --time=60, --time 60
)

// option is one row of the table.
type option struct {
	name  string
	alias string // a second name: -? and -h for help
	value value
	in    command
}

// Names of the options, as they are written in the table and asked for.
const (
	optServer  = "server"
	optTime    = "time"
	optTitle   = "title"
	optButtons = "buttons"
	optVerbose = "v"
	optWait    = "w"
	optJSON    = "json"
	optHelp    = "help"
	optVersion = "version"
	optCounter = "counter"
	optLimit   = "limit"
	optOK      = "ok"
	optAnswer  = "answer"
	optQueue   = "queue"
	optDND     = "dnd"
	optUser    = "user"
	optUTF8    = "utf8"
	optDoctor  = "doctor"
)

// options is the table. Every spelling of every option comes from it.
var options = []option{
	{name: optServer, value: valueRequired, in: forMsg | forQuery},
	{name: optTime, value: valueRequired, in: forMsg},
	{name: optTitle, value: valueRequired, in: forMsg},
	{name: optButtons, value: valueRequired, in: forMsg},
	{name: optVerbose, value: valueOptional, in: forMsg},
	{name: optWait, value: valueNone, in: forMsg},
	{name: optJSON, value: valueNone, in: forMsg | forQuery},
	{name: optCounter, value: valueNone, in: forQuery},
	{name: optLimit, value: valueRequired, in: forQuery},
	{name: optHelp, alias: "?", value: valueNone, in: forMsg | forQuery},
	{name: "h", value: valueNone, in: forMsg | forQuery},
	{name: optVersion, value: valueNone, in: forMsg | forQuery},
	{name: optOK, value: valueOptional, in: forMsg},
	{name: optAnswer, value: valueRequired, in: forMsg},
	{name: optQueue, value: valueOptional, in: forMsg},
	{name: optDND, value: valueOptional, in: forMsg},
	{name: optUser, value: valueRequired, in: forMsg | forQuery},
	{name: optUTF8, value: valueNone, in: forMsg | forQuery},
	{name: optDoctor, value: valueNone, in: forMsg},
	// Windows' query shows serial lines and virtual machines with these. There
	// are none to show here, and a script that asks for them keeps working.
	{name: "mode", value: valueNone, in: forQuery},
	{name: "flow", value: valueNone, in: forQuery},
	{name: "connect", value: valueNone, in: forQuery},
	{name: "vm", value: valueNone, in: forQuery},
}

// find looks an option up by name, in any case.
func find(in command, name string) (option, bool) {
	for _, o := range options {
		if o.in&in != 0 && (strings.EqualFold(o.name, name) || o.alias != "" && o.alias == name) {
			return o, true
		}
	}
	return option{}, false
}

// given is one option as it was found on the command line.
type given struct {
	option
	text  string // its value
	has   bool   // a value was given, perhaps an empty one
	whole string // the words as written, for errors
}

// colon is the option as Windows writes it.
func (g given) colon() string {
	if g.has {
		return "/" + g.name + ":" + g.text
	}
	return "/" + g.name
}

// isOption reports whether a word is meant as an option. "-" and "/" alone
// are text.
func isOption(word string) bool {
	return len(word) > 1 && (word[0] == '/' || word[0] == '-')
}

// next takes one option off the front of args. Spellings: /time:60,
// --time=60, --time 60, -time:60; either separator goes with either mark.
func next(in command, args []string) (g given, rest []string, err error) {
	word, rest := args[0], args[1:]
	body := strings.TrimPrefix(word, "-")
	posix := strings.HasPrefix(word, "--")
	body = strings.TrimPrefix(body, "-")
	if word[0] == '/' {
		body = word[1:]
	}
	name := body
	g.whole = word
	if i := strings.IndexAny(body, ":="); i >= 0 {
		name, g.text, g.has = body[:i], body[i+1:], true
	}
	o, ok := find(in, name)
	if !ok {
		return g, rest, &UsageError{Word: word, Reason: notAnOption}
	}
	g.option = o
	switch {
	case o.value == valueNone && g.has:
		return g, rest, &UsageError{Word: word, Reason: "takes no value"}
	case o.value == valueRequired && !g.has && posix && len(rest) > 0:
		g.text, g.has, rest = rest[0], true, rest[1:]
		g.whole = word + " " + g.text
	}
	if o.value == valueRequired && g.text == "" {
		return g, rest, &UsageError{Word: word, Reason: "needs a value, as in /" + o.name + ":" + example[o.name]}
	}
	return g, rest, nil
}

// example has one valid value of each option that needs one.
var example = map[string]string{
	optServer:  "web1",
	optTime:    "60",
	optTitle:   "Maintenance",
	optButtons: string("yesno"),
	optAnswer:  "yes",
	optUser:    "bob",
	optLimit:   "1000",
}

// notAnOption is the Reason of a word that may have been meant as text.
const notAnOption = "is not an option"

// UsageError is a command line that cannot be understood; exit code 2.
type UsageError struct {
	Word   string // what was not understood; empty if something is missing
	Reason string
	Hint   string // a command line to paste, or empty
}

// Error says what is wrong in one line.
func (e *UsageError) Error() string {
	if e.Word == "" {
		return e.Reason
	}
	return quote(e.Word) + " " + e.Reason
}
