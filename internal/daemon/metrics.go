package daemon

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"msg"
)

// meters are the numbers that an administrator may watch. Labels have few
// values, none of them chosen by a user.
type meters struct {
	set      *metrics.Set
	accepted *metrics.Counter
	commits  *metrics.PrometheusHistogram
	failures *metrics.Counter
}

// Why a message was refused as a whole.
const (
	refusedRule    = "rule"    // no rule allows it
	refusedLimit   = "limit"   // too many
	refusedInvalid = "invalid" // it cannot be sent by anybody
	refusedError   = "error"   // it could not be written down, or not be sent
)

func newMeters() *meters {
	set := metrics.NewSet()
	for _, reason := range []string{refusedRule, refusedLimit, refusedInvalid, refusedError} { // 0 is a value as well
		set.NewCounter(refusedName(reason))
	}
	return &meters{
		set:      set,
		accepted: set.NewCounter("msgd_messages_accepted_total"),
		failures: set.NewCounter("msgd_journal_failures_total"),
		commits: set.NewPrometheusHistogramExt("msgd_journal_commit_seconds",
			[]float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5}),
	}
}

func refusedName(reason string) string {
	return fmt.Sprintf("msgd_messages_refused_total{reason=%q}", reason)
}

func (m *meters) refused(reason string) { m.set.GetOrCreateCounter(refusedName(reason)).Inc() }

func (m *meters) receipt(r msg.Receipt) {
	m.set.GetOrCreateCounter(fmt.Sprintf("msgd_receipts_total{outcome=%q,surface=%q}", r.Outcome, r.Surface)).Inc()
}

// commit counts a transaction of the journal, which ends with a sync.
func (m *meters) commit(began time.Time, err error) {
	m.commits.UpdateDuration(began)
	if err != nil {
		m.failures.Inc()
	}
}

// gauges are read when somebody asks.
func (d *Daemon) gauges() {
	for name, read := range map[string]func() int64{
		"msgd_waiting_messages": func() int64 { return int64(d.waiting.count()) },
		"msgd_queued_messages":  func() int64 { return int64(d.queue.count()) },
		"msgd_journal_bytes":    d.journal.size,
		"msgd_sessions":         d.sessionCount,
	} {
		d.meters.set.NewGauge(name, func() float64 { return float64(read()) })
	}
}

// sessionCount is -1 if they cannot be listed.
func (d *Daemon) sessionCount() int64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	list, err := d.computer.Sessions(ctx)
	if err != nil {
		return -1
	}
	return int64(len(list))
}

// Metrics offers the numbers in the text format of Prometheus. Who may ask is
// up to whoever listens.
func (d *Daemon) Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		d.meters.set.WritePrometheus(w)
		metrics.WriteProcessMetrics(w)
	})
}
