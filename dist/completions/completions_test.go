package completions_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"msg/internal/cli"
	"msg/internal/hosttest"
)

// tableOptions are the options that a command knows and this version has.
func tableOptions(t *testing.T, command string) []string {
	t.Helper()
	all := hosttest.TableOptions(t, map[string]string{"msg": "forMsg", "query": "forQuery"}[command])
	names := slices.DeleteFunc(all, func(name string) bool { return !works(t, command, name) })
	slices.Sort(names)
	return names
}

// works reports whether an option is understood and this version has it.
func works(t *testing.T, command, name string) bool {
	for _, value := range []string{"", ":60", ":yesno", ":yes", ":on"} {
		if command == "query" {
			for _, kind := range []string{"session", "message"} {
				if _, err := cli.ParseQuery("query", []string{kind, "/" + name + value}); err == nil {
					return true
				}
			}
			continue
		}
		for _, rest := range [][]string{{"bob", "hello"}, nil} {
			if _, err := cli.ParseMsg(append([]string{"/" + name + value}, rest...)); err == nil {
				return true
			}
		}
	}
	t.Errorf("/%s of %s cannot be given", name, command)
	return false
}

// TestOptions compares the table of options with what each shell offers: all
// of it, and nothing else.
func TestOptions(t *testing.T) {
	for _, c := range []struct{ command, zsh, fish string }{{"msg", "_msg_msg", "msg"}, {"query", "_msg_query", "query"}} {
		want := tableOptions(t, c.command)
		for shell, offered := range map[string][]string{
			"bash":               bashOptions(t, c.command),
			"zsh":                zshOptions(t, c.zsh),
			"zsh, with slashes":  slashes(t, between(t, "_msg", c.zsh+"() {", "return")),
			"fish":               fishOptions(t, c.fish),
			"fish, with slashes": slashes(t, after(t, c.fish+".fish", "The spelling of Windows")),
		} {
			slices.Sort(offered)
			if !slices.Equal(offered, want) {
				t.Errorf("%s, %s offers\n%q\nthe table has\n%q", c.command, shell, offered, want)
			}
		}
	}
}

// daemonOptions reads the commands of msgd, each with its options, from the
// source of their table.
func daemonOptions(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile("../../cmd/msgd/args.go")
	if err != nil {
		t.Fatal(err)
	}
	serve := regexp.MustCompile(`(?m)^\tserve := \[\]string\{(.*)\}$`).FindSubmatch(b)
	if serve == nil {
		t.Fatal("the options of serve are not found: the search is wrong")
	}
	commands := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t\t\{name: "([a-z ]+)",(?: flags: (serve|\[\]string\{[^}]*\}),)? run: `).FindAllSubmatch(b, -1) {
		flags := m[2]
		if string(flags) == "serve" {
			flags = serve[1]
		}
		names := []string{"help"}
		for _, name := range regexp.MustCompile(`"([a-z-]+)"`).FindAllSubmatch(flags, -1) {
			names = append(names, string(name[1]))
		}
		commands[string(m[1])] = names
	}
	delete(commands, "help")
	delete(commands, "version") // these take nothing
	if len(commands) != strings.Count(string(b), "\n\t\t{name: \"")-2 {
		t.Fatalf("found %q in the table of commands: the search is wrong", commands)
	}
	return commands
}

// TestDaemon compares the table of msgd's commands with what each shell offers:
// all of it, and nothing else.
func TestDaemon(t *testing.T) {
	commands := daemonOptions(t)
	var first []string
	second := map[string][]string{}
	for command, want := range commands {
		slices.Sort(want)
		for shell, offer := range offers {
			offered := offer(t, "msgd "+command+" --")
			for i, name := range offered {
				offered[i] = strings.TrimPrefix(name, "--")
			}
			if slices.Sort(offered); !slices.Equal(offered, want) {
				t.Errorf("msgd %s: %s offers %q, the table has %q", command, shell, offered, want)
			}
		}
		word, rest, two := strings.Cut(command, " ")
		if first = append(first, word); two {
			second[word] = append(second[word], rest)
		}
	}
	second[""] = append(first, "help", "version")
	for word, want := range second {
		slices.Sort(want)
		want = slices.Compact(want)
		for shell, offer := range offers {
			offered := slices.DeleteFunc(offer(t, strings.TrimSpace("msgd "+word)+" "), func(s string) bool { return strings.HasPrefix(s, "--") })
			if slices.Sort(offered); !slices.Equal(offered, want) {
				t.Errorf("msgd %s: %s offers %q, the table has %q", word, shell, offered, want)
			}
		}
	}
}

// offers are all candidates that a shell has for the last word of a line.
var offers = map[string]func(t *testing.T, line string) []string{
	"bash": func(t *testing.T, line string) []string {
		t.Helper()
		need(t, "bash")
		return offeredByBash(t, line)
	},
	"fish": func(t *testing.T, line string) (names []string) {
		t.Helper()
		need(t, "fish")
		for candidate := range strings.Lines(run(t, "fish", "--no-config", "-c", "source msgd.fish; complete -C "+fishQuote(line))) {
			name, _, _ := strings.Cut(strings.TrimSuffix(candidate, "\n"), "\t")
			names = append(names, strings.TrimSuffix(name, "="))
		}
		return names
	},
	"zsh": offeredByZsh,
}

// zshAsk prints what zsh would offer: compadd and _arguments, with which
// functions offer it, are others here.
const zshAsk = `compadd() { print -rl -- "$@" }
_arguments() { local each; for each; do [[ $each == --* ]] && print -r -- "${each%%\[*}"; done }
compdef() { }; service=none; source ./_msg 2>/dev/null
words=("$@"); CURRENT=$#words; _msg_msgd
`

func offeredByZsh(t *testing.T, line string) []string {
	t.Helper()
	need(t, "zsh")
	out := run(t, "zsh", append([]string{"-f", "-c", zshAsk, "zsh"}, strings.Split(line, " ")...)...)
	return strings.Fields(out)
}

func bashOptions(t *testing.T, command string) []string {
	t.Helper()
	out := strings.Fields(run(t, "bash", "-c", "source ./msg.bash && set -f && _msg_options "+command))
	for i, name := range out {
		out[i] = strings.TrimSuffix(name, "=")
	}
	return out
}

func zshOptions(t *testing.T, function string) (names []string) {
	t.Helper()
	text := between(t, "_msg", function+"() {", "\n}")
	// '--name=[...]', '--'{a,b}'[...]' and {--a,--b}'[...]'
	for _, m := range regexp.MustCompile(`'(?:\(- \*\)|\*)?--(\w+)[=\[]`).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	for _, m := range regexp.MustCompile(`\{([^}]+)\}'`).FindAllStringSubmatch(text, -1) {
		for name := range strings.SplitSeq(m[1], ",") {
			names = append(names, strings.TrimPrefix(strings.TrimPrefix(name, "--"), `\`))
		}
	}
	return names
}

// fishOptions asks fish itself.
func fishOptions(t *testing.T, command string) (names []string) {
	t.Helper()
	need(t, "fish")
	out := run(t, "fish", "--no-config", "-c", "source "+command+".fish; complete -C '"+command+" --'")
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(name, "--"), "="))
	}
	return slices.Compact(names)
}

// slashes are the options in the spelling of Windows in a text.
func slashes(t *testing.T, text string) (names []string) {
	t.Helper()
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" '\n", r) }) {
		name, _, _ := strings.Cut(strings.TrimPrefix(word, "/"), ":")
		if strings.HasPrefix(word, "/") && name != "" && name != "*" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func between(t *testing.T, file, from, to string) string {
	t.Helper()
	text, _, _ := strings.Cut(after(t, file, from), to)
	return text
}

func after(t *testing.T, file, from string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(b), from)
	if !found {
		t.Fatalf("%s has no %q", file, from)
	}
	return rest
}

// need skips the test where a shell is not installed.
func need(t *testing.T, shell string) {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skipf("%s is not installed", shell)
	}
}

// people is a query that knows two people, one with a name that does something
// if a shell expands it.
const people = `#!/bin/sh
test "$*" = "session /json" || exit 1
echo '{"host":"web1","id":"3","name":"pts/0","user":"alice","kind":"terminal"}'
echo '{"host":"web1","id":"5","name":"pts/1","user":"bob","kind":"terminal"}'
echo '{"host":"web1","id":"6","name":"pts/2","user":"al$(touch expanded)","kind":"terminal"}'
echo '{"host":"web1","id":"7","name":"pts/3","user":"a\"l","kind":"terminal"}'
`

// run runs a shell in which these people are signed in, and returns what it
// printed.
func run(t *testing.T, shell string, args ...string) string {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "query"), []byte(people), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell, args...)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+bin, "HOSTFILE="+os.DevNull)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if stderr.Len() > 0 {
		t.Errorf("%s %q says on standard error: %s", shell, args, stderr.String())
	}
	if _, err := os.Stat("expanded"); err == nil {
		_ = os.Remove("expanded")
		t.Errorf("%s %q has run a user's name as a command", shell, args)
	}
	return string(out)
}

// typed are lines, with what is offered for their last word. Only some of the
// candidates are named; none means that there must be no others, and "" that
// there must be none at all.
var typed = []struct {
	line  string
	wants []string
	none  []string
}{
	{line: "msg --bu", wants: []string{"--buttons="}},
	{line: "msg --js", wants: []string{"--json"}},
	{line: "msg bob --ti", wants: []string{"--time=", "--title="}},
	{line: "msg /ti", wants: []string{"/time:", "/title:"}},
	{line: "msg --buttons=yes", wants: []string{"yesno", "yesnocancel"}},
	{line: "msg --buttons=", wants: []string{"ok", "retrycancel"}},
	{line: "msg /buttons:yes", wants: []string{"yesno", "yesnocancel"}},
	{line: "msg --buttons retr", wants: []string{"retrycancel"}},
	{line: "msg /answer:", wants: []string{"yes", "cancel"}},
	{line: "msg --answer ca", wants: []string{"cancel"}},
	{line: "msg /dnd o", wants: []string{"on", "off"}, none: []string{"until", "alice"}},
	{line: "msg a", wants: []string{"alice", "al$(touch expanded)"}, none: []string{"bob", `a"l`, `a\"l`}},
	{line: "msg ", wants: []string{"alice", "bob", "pts/0"}},
	{line: "msg --time 60 b", wants: []string{"bob"}, none: []string{"alice"}},
	{line: "msg /time:60 b", wants: []string{"bob"}, none: []string{"alice"}},
	{line: "msg alice,b", wants: []string{"alice,bob"}, none: []string{"alice,alice"}},
	{line: "msg @msg.ba", wants: []string{"@msg.bash"}},
	{line: "msg bob a", none: []string{""}},
	{line: "msg bob -- -", none: []string{""}},
	{line: "msg bob hello --ti", none: []string{""}},
	{line: "query ", wants: []string{"session", "user", "message"}, none: []string{"alice"}},
	{line: "query session b", wants: []string{"bob"}, none: []string{"session"}},
	{line: "query session --co", wants: []string{"--counter", "--connect"}},
	{line: "query message b", none: []string{"bob"}},
	{line: "query host b", none: []string{"bob"}},
	{line: "quser b", wants: []string{"bob"}, none: []string{"session"}},
	{line: "qwinsta /co", wants: []string{"/counter", "/connect"}},
	{line: "msgd ", wants: []string{"serve", "check", "relay", "version"}},
	{line: "msgd check --", wants: []string{"--config", "--socket"}},
	{line: "msgd relay --s", wants: []string{"--socket"}, none: []string{"--config"}},
	{line: "msgd d", wants: []string{"doctor"}, none: []string{"check"}},
	{line: "msgd doctor --", wants: []string{"--config", "--hub"}, none: []string{"--socket"}},
	{line: "msgd serve --config msg.ba", wants: []string{"msg.bash"}},
	{line: "msgd hub t", wants: []string{"token"}, none: []string{"init"}},
	{line: "msgd hub init --li", wants: []string{"--listen"}, none: []string{"--uses"}},
	{line: "msgd hub init --ca msg.ba", wants: []string{"msg.bash"}},
	{line: "msgd hub init --site ", none: []string{""}},
	{line: "msgd hub token --u", wants: []string{"--uses"}, none: []string{"--listen"}},
	{line: "msgd operator a", wants: []string{"add"}},
	{line: "msgd operator add alice --m", wants: []string{"--may"}},
	{line: "msgd revoke web1 --g", wants: []string{"--grant"}},
	{line: "msgd revoke --grant --k", wants: []string{"--key"}},
	{line: "msgd join --n", wants: []string{"--name"}, none: []string{"--hub"}},
	{line: "msgd forward msg.ba", wants: []string{"msg.bash"}},
	{line: "msgd members --hu", wants: []string{"--hub"}},
	{line: "msgd tag lab-07 lab --hu", wants: []string{"--hub"}},
}

// TestBash completes lines as bash does: it calls the function with the words,
// taken apart at : and = as well.
func TestBash(t *testing.T) {
	need(t, "bash")
	for _, c := range typed {
		t.Run(c.line, func(t *testing.T) {
			checkOffered(t, offeredByBash(t, c.line), c.wants, c.none)
		})
	}
}

// offeredByBash is what bash offers, as it understands it when it is on the line.
func offeredByBash(t *testing.T, line string) []string {
	t.Helper()
	command, _, _ := strings.Cut(line, " ")
	script := `source ./msg.bash; words=("${@:3}"); COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1}
		_msg_complete "$2"; set -f
		for c in "${COMPREPLY[@]}"; do eval "set -- $c"; (($# == 1)) || printf '%s words: ' $#; printf '%s\n' "$*"; done`
	args := append([]string{"-c", script, "bash", line, command}, bashWords(line)...)
	return strings.Split(strings.TrimSuffix(run(t, "bash", args...), "\n"), "\n")
}

// bashWords takes a line apart at blanks, and at each run of : and =.
func bashWords(line string) []string {
	words := regexp.MustCompile(`[:=]+|[^ :=]+`).FindAllString(line, -1)
	if strings.HasSuffix(line, " ") {
		words = append(words, "")
	}
	return words
}

// TestFish asks fish for the same.
func TestFish(t *testing.T) {
	need(t, "fish")
	for _, c := range typed {
		t.Run(c.line, func(t *testing.T) {
			out := run(t, "fish", "--no-config", "-c", "for f in *.fish; source $f; end; complete -C "+fishQuote(c.line))
			var offered []string
			for line := range strings.Lines(out) {
				word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				// fish offers the word with the option that it belongs to.
				if mark := strings.LastIndexAny(c.line, " :="); mark >= 0 && c.line[mark] != ' ' {
					word = strings.TrimPrefix(word, c.line[strings.LastIndex(c.line, " ")+1:mark+1])
				}
				// The sign behind a name is the reader's to type.
				offered = append(offered, word, word+"=")
			}
			checkOffered(t, offered, c.wants, c.none)
		})
	}
}

// zshStart is the .zshrc of a zsh that prints its line between < and > at
// Ctrl-X and empties it.
const zshStart = `PS1=; fpath=($PWD $fpath); autoload -Uz compinit; compinit -D -u
show() { print -r -- "<$BUFFER>"; BUFFER= }; zle -N show; bindkey '^X' show; print ready
`

// zshScript types each line in a zsh on a terminal of its own, presses the
// tabulator key, and prints what became of the line.
const zshScript = `zmodload zsh/zpty; zpty shell zsh -d -i; zpty -r shell output '*ready*'
for line; do
	zpty -w -n shell $line$'\t\x18'; zpty -r shell output '*<*>*'
	output=${output##*<}; print -r -- ${output%>*}
done
zpty -d shell
`

// TestZsh types the lines that can be completed in one way only in a real zsh.
func TestZsh(t *testing.T) {
	need(t, "zsh")
	var lines, want []string
	for _, c := range typed {
		if len(c.wants) == 1 {
			lines = append(lines, c.line)
			want = append(want, c.line[:strings.LastIndexAny(c.line, " :=")+1]+c.wants[0])
		}
		if len(c.wants) == 0 {
			lines, want = append(lines, c.line), append(want, strings.TrimRight(c.line, " "))
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".zshrc"), []byte(zshStart), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ZDOTDIR", dir)
	out := run(t, "timeout", append([]string{"60", "zsh", "-f", "-c", zshScript, "zsh"}, lines...)...)
	got := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	for i := range want {
		// zsh adds a blank or a comma where something else may follow.
		if i >= len(got) || strings.TrimRight(got[i], " ,") != want[i] {
			t.Errorf("%q is completed to %q, not to %q", lines[i], slices.Concat(got, make([]string, len(want)))[i], want[i])
		}
	}
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func checkOffered(t *testing.T, offered, wants, none []string) {
	t.Helper()
	for _, w := range wants {
		if !slices.Contains(offered, w) {
			t.Errorf("%q is not offered, but %q", w, offered)
		}
	}
	for _, n := range none {
		if n == "" && strings.Trim(strings.Join(offered, ""), "=") != "" || n != "" && slices.Contains(offered, n) {
			t.Errorf("%q is offered", offered)
		}
	}
}
