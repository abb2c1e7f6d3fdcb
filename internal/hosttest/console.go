package hosttest

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// ConsoleScript makes a testscript out of the ```console blocks of a document:
// each "$ command" that runs program is run by a shell, and has to print what
// the document shows under it. The script needs the command Shows.
func ConsoleScript(t testing.TB, file, program string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var script, files strings.Builder
	n := 0
	for _, block := range consoleBlocks(string(b)) {
		for _, e := range strings.Split("\n"+block, "\n$ ")[1:] {
			command, output, _ := strings.Cut(e, "\n")
			if !strings.HasPrefix(command, program+" ") && !strings.Contains(command, "| "+program+" ") {
				continue
			}
			n++
			name := "want" + string(rune('a'+n-1))
			script.WriteString("shows " + name + " '" + strings.ReplaceAll(command, "'", "''") + "'\n")
			files.WriteString("-- " + name + " --\n" + strings.TrimSuffix(output, "\n"))
			if output != "" {
				files.WriteString("\n")
			}
		}
	}
	if n == 0 {
		t.Fatalf("%s shows no example of %s", file, program)
	}
	return script.String() + files.String()
}

// consoleBlocks returns what is in the ```console blocks.
func consoleBlocks(document string) []string {
	var blocks []string
	for _, part := range strings.Split(document, "```console\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

// Shows is the testscript command "shows FILE COMMAND": a shell runs COMMAND,
// which prints on standard output and standard error together what is in FILE.
// Blanks at the ends of lines do not count, nor does the order of the lines:
// sessions are served side by side.
func Shows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: shows FILE COMMAND")
	}
	_ = ts.Exec("sh", "-c", "{ "+args[1]+"\n} 2>&1") // a document does not show exit codes
	if got, want := lines(ts.ReadFile("stdout")), lines(ts.ReadFile(args[0])); !slices.Equal(got, want) {
		ts.Fatalf("%s\nprinted %q\nand is to print %q", args[1], got, want)
	}
}

func lines(s string) []string {
	var sorted []string
	for line := range strings.Lines(s) {
		sorted = append(sorted, strings.TrimRight(line, " \n"))
	}
	slices.Sort(sorted)
	return sorted
}
