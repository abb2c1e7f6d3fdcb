package daemon

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"msg"
	"msg/internal/hosttest"
)

// scrape returns what the daemon counts, without the process's own numbers.
func (o *office) scrape() string {
	w := httptest.NewRecorder()
	o.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		o.t.Errorf("content type %q", w.Header().Get("Content-Type"))
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig(t)
		c.Limits.Burst = 5
		o := run(t, c, hosttest.NewFake(seat("1", "bob"), does(seat("2", "bob"), msg.OutcomeFailed, 0)))
		o.must("zoe", "*", newMessage("x"))
		o.must("zoe", "alice", keep(newMessage("x")))
		go func() { _, _ = o.send("zoe", "1", question("x")) }()
		synctest.Wait()
		for _, text := range []string{"", "x", "x"} { // the last is one too many
			_, _ = o.send("zoe", "1", newMessage(text))
		}
		_, _ = o.send("alice", "1", newMessage("x"))
		got := o.scrape()
		for _, line := range []string{
			"msgd_messages_accepted_total 4",
			`msgd_messages_refused_total{reason="invalid"} 1`,
			`msgd_messages_refused_total{reason="limit"} 1`,
			`msgd_messages_refused_total{reason="rule"} 1`,
			`msgd_receipts_total{outcome="accepted",surface="fake"} 3`,
			`msgd_receipts_total{outcome="failed",surface="fake"} 1`,
			`msgd_receipts_total{outcome="queued",surface=""} 1`,
			"msgd_waiting_messages 1", "msgd_queued_messages 1", "msgd_sessions 2", "msgd_journal_failures_total 0",
		} {
			if !strings.Contains(got, line+"\n") {
				t.Errorf("%q is not in\n%s", line, got)
			}
		}
		if !regexp.MustCompile(`msgd_journal_commit_seconds_bucket\{le="\+Inf"\} [1-9]`).MatchString(got) || !regexp.MustCompile(`msgd_journal_bytes [1-9]`).MatchString(got) {
			t.Errorf("the journal is not in\n%s", got)
		}
		form := regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)(\{[^{}]*\})? \S+$`)
		for line := range strings.Lines(got) {
			if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") && !form.MatchString(line) {
				t.Errorf("no line of Prometheus: %q", line)
			}
		}
	})
}

// TestLog: there is a line for each message, and what it says is nobody's
// business.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	d, err := Open(testConfig(t), hosttest.NewFake(seat("1", "bob")), testAccounts(t), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	o := &office{Daemon: d, t: t}
	o.must("zoe", "bob", newMessage("the secret"))
	_, _ = o.send("alice", "bob,\x1b[2J", newMessage("the secret"))
	_, _ = o.send("alice", "bob", newMessage("the secret"))
	_, _ = o.send("alice", strings.Repeat("x,", 500), newMessage(""))
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "secret") || strings.Contains(log.String(), "\x1b") {
		t.Errorf("the log tells what is in a message:\n%s", &log)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	for i, want := range []string{
		`level=INFO msg=message id=\S+ by=zoe@test account=70003 to=bob places=1$`,
		`level=INFO msg=message id=\S+ by=alice@test account=70001 to=\S+ places=1 refused=1 missing=1$`,
		`level=WARN msg="message refused" id=\S+ by=alice@test account=70001 to=bob places=0 reason="alice is not in group msg`,
		`level=WARN msg="message refused" by=alice@test to=x,x,.*\.\.\. error="message cannot be sent: it is empty"$`,
	} {
		if i >= len(lines) || !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("line %d is not %s:\n%s", i+1, want, &log)
		}
	}
	for _, line := range lines {
		if len(line) > 500 {
			t.Errorf("%d bytes: %s", len(line), line)
		}
	}
}
