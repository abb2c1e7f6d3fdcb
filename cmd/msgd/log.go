package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"

	"github.com/coreos/go-systemd/v22/journal"
)

// Formats of the log.
const (
	formatText    = "text"
	formatJSON    = "json"
	formatJournal = "journal" // text without the time, and with the priority in front
)

// newLog makes the log. Without a format it is text, in the form of journald
// if that reads what is written to standard error.
func newLog(out io.Writer, format string, level slog.Level) *slog.Logger {
	if is, err := journal.StderrIsJournalStream(); format == "" && is && err == nil {
		format = formatJournal
	}
	o := &slog.HandlerOptions{Level: level}
	switch format {
	case formatJSON:
		return slog.New(slog.NewJSONHandler(out, o))
	case formatJournal:
		o.ReplaceAttr = withoutTime
		return slog.New(slog.NewTextHandler(prioritized{out}, o))
	}
	return slog.New(slog.NewTextHandler(out, o))
}

// withoutTime leaves the time to journald. The level is the first word of the
// line then.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// prioritized puts the priority in front of each line in place of the level,
// see sd-daemon(3). The handler writes one line at a time.
type prioritized struct{ out io.Writer }

// Write writes one line of a slog.TextHandler.
func (p prioritized) Write(line []byte) (int, error) {
	level, rest, found := bytes.Cut(line, []byte(" "))
	number := map[string]int{"level=DEBUG": 7, "level=INFO": 6, "level=WARN": 4, "level=ERROR": 3}[string(level)]
	if !found || number == 0 {
		number, rest = 5, line
	}
	if _, err := fmt.Fprintf(p.out, "<%d>%s", number, rest); err != nil {
		return 0, err
	}
	return len(line), nil
}
