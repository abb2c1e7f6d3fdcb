package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"msg/internal/control"
	"msg/internal/hosttest"
)

// texts are where people read how msgd is called.
func texts(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../doc/msgd.8.scd")
	if err != nil {
		t.Fatal(err)
	}
	man := string(b)
	if !hasService { // what only Windows has is in a section of its own
		before, behind, found := strings.Cut(man, "\n# WINDOWS\n")
		_, after, more := strings.Cut(behind, "\n# ")
		if !found || !more {
			t.Fatal("the man page has no section WINDOWS with another behind it")
		}
		man = before + "\n# " + after
	}
	return map[string]string{"the help": helpText(), "the man page": man}
}

// TestDocumentedCommands compares the table of commands with what is said of
// it: all of it, and nothing else.
func TestDocumentedCommands(t *testing.T) {
	var names, flags []string
	for _, c := range commands() {
		names, flags = append(names, c.name), append(flags, c.flags...)
	}
	// The man page is that of all systems; the others are of usermod(8).
	known := append([]string{"help", "version", "account", "service", "append", "groups"}, flags...)
	for where, text := range texts(t) {
		for _, m := range regexp.MustCompile(`(?m)^\*?msgd ([a-z]+)`).FindAllStringSubmatch(text, -1) {
			if !slices.ContainsFunc(names, func(name string) bool { first, _, _ := strings.Cut(name, " "); return first == m[1] }) {
				t.Errorf("%s has the command %q, which there is not", where, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`--([a-z][a-z-]*)`).FindAllStringSubmatch(text, -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s has the option --%s, which there is not", where, m[1])
			}
		}
		for _, name := range append(names, flags...) {
			if !strings.Contains(text, name) {
				t.Errorf("%s does not have %q", where, name)
			}
		}
		for _, path := range []string{defaultConfig(), control.Socket} {
			if !strings.Contains(text, path) {
				t.Errorf("%s does not have %s", where, path)
			}
		}
	}
}

// TestDocumentedExamples parses what the help, the man page and the README
// show.
func TestDocumentedExamples(t *testing.T) {
	documents := []string{"../../doc/msgd.8.scd", "../../doc/fleet.md", "../../README.md"}
	hosttest.CheckExamples(t, helpText(), documents, func(words []string) error {
		_, _, err := parse(words[1:])
		return err
	}, "msgd")
}

// TestDocumentedExits looks for the exit codes.
func TestDocumentedExits(t *testing.T) {
	man := texts(t)["the man page"]
	for _, code := range []string{"69", "78"} {
		if !regexp.MustCompile(`(?m)^\|  \*` + code + `\*$`).MatchString(man) {
			t.Errorf("the exit code %s is not in the man page", code)
		}
	}
	unit, err := os.ReadFile("../../dist/systemd/msgd.service")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(unit), "\nRestartPreventExitStatus=78\n") {
		t.Error("the unit does not know the exit code of wrong configuration")
	}
}
