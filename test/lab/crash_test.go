package lab_test

import (
	"context"
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/test/lab"
)

//go:embed crash.sh
var crashScript string

// shown finds one message of crash.sh on a terminal, and the mark that it may
// have been shown before, which stands in the title above it.
var shown = regexp.MustCompile(`(?s)┌([^┌]*?)crash-(\d+)-(\d+)-end`)

// TestCrash kills msgd at random moments while a thousand messages go through
// it. Nothing that was accepted is lost, and nothing is shown a second time
// without the mark.
func TestCrash(t *testing.T) {
	host := withUsers(lab.Boot(t, "bookworm"))
	install(t, host)
	startDaemon(t, host)
	term := host.SSH("bob")
	term.TTY()

	const senders, each = 4, 250
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r := host.Run(ctx, "bash", "-c", crashScript, "crash.sh", fmt.Sprint(senders), fmt.Sprint(each))
	if r.Code != 0 {
		t.Fatalf("crash.sh: %+v", r)
	}
	out := r.Stdout
	host.Must("msg", "bob", "that-is-all")
	waitFor(t, term, "that-is-all")

	times, marked := map[string]int{}, map[string]int{}
	for _, m := range shown.FindAllStringSubmatch(term.Output(), -1) {
		id := m[2] + "-" + m[3]
		times[id]++
		if strings.Contains(m[1], "again") {
			marked[id]++
		}
	}
	journal := map[string]msg.Record{}
	for _, r := range readJSON[msg.Record](t, host.Must("query", "message", "/json", "/limit:2000")) {
		if id, ok := strings.CutPrefix(strings.TrimSuffix(r.Message.Text, "-end"), "crash-"); ok {
			journal[id] = r
		}
	}
	kills, sent, lost, twice := strings.Count(out, "killed"), 0, 0, 0
	for i := range senders {
		for k := range each {
			id := fmt.Sprintf("%d-%d", i+1, k+1)
			record, accepted := journal[id]
			if strings.Contains(out, "sent "+id+"\n") {
				sent++
				if !accepted {
					t.Errorf("message %s was sent and is not in the journal", id)
				}
			}
			if accepted && times[id] == 0 {
				lost++
			}
			if accepted && (len(record.Receipts) != 1 || !record.Receipts[0].Final || record.Receipts[0].Outcome != msg.OutcomeAccepted) {
				t.Errorf("the journal has %+v of message %s", record.Receipts, id)
			}
			if times[id]-marked[id] > 1 {
				twice++
			}
		}
	}
	t.Logf("%d messages, msgd killed %d times: %d reported as sent, %d in the journal, %d shown again with the mark, %d lost, %d shown twice without it",
		senders*each, kills, sent, len(journal), len(marked), lost, twice)
	if lost > 0 || twice > 0 {
		t.Errorf("%d messages are lost, %d were shown twice", lost, twice)
	}
	if kills < 20 || len(journal) < senders*each/2 {
		t.Errorf("that was no test: msgd was killed %d times, %d messages were accepted", kills, len(journal))
	}
}
