package daemon

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"msg"
)

// meters are the numbers that an administrator may watch. Labels have few
// values, none of them chosen by a user.
type meters struct {
	registry *prometheus.Registry
	accepted prometheus.Counter
	refusals *prometheus.CounterVec
	receipts *prometheus.CounterVec
	commits  prometheus.Histogram
	failures prometheus.Counter
}

// Why a message was refused as a whole.
const (
	refusedRule    = "rule"    // no rule allows it
	refusedLimit   = "limit"   // too many
	refusedInvalid = "invalid" // it cannot be sent by anybody
	refusedError   = "error"   // it could not be written down, or not be sent
)

func newMeters() *meters {
	m := &meters{
		registry: prometheus.NewRegistry(),
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "msgd_messages_accepted_total", Help: "Messages that were accepted."}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "msgd_messages_refused_total", Help: "Messages that were refused as a whole."}, []string{"reason"}),
		receipts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "msgd_receipts_total", Help: "What came of messages in each session."}, []string{"outcome", "surface"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "msgd_journal_commit_seconds", Help: "How long it takes to write to the journal.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5}}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "msgd_journal_failures_total", Help: "How often writing to the journal failed."}),
	}
	m.registry.MustRegister(m.accepted, m.refusals, m.receipts, m.commits, m.failures,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, reason := range []string{refusedRule, refusedLimit, refusedInvalid, refusedError} { // 0 is a value as well
		m.refusals.WithLabelValues(reason)
	}
	return m
}

func (m *meters) refused(reason string) { m.refusals.WithLabelValues(reason).Inc() }

func (m *meters) receipt(r msg.Receipt) {
	m.receipts.WithLabelValues(string(r.Outcome), r.Surface).Inc()
}

// commit counts a transaction of the journal, which ends with a sync.
func (m *meters) commit(began time.Time, err error) {
	m.commits.Observe(time.Since(began).Seconds())
	if err != nil {
		m.failures.Inc()
	}
}

// gauges are read when somebody asks.
func (d *Daemon) gauges() {
	for _, g := range []struct {
		name, help string
		read       func() int64
	}{
		{"msgd_waiting_messages", "Messages that wait for answers.", func() int64 { return int64(d.waiting.count()) }},
		{"msgd_queued_messages", "Messages that are kept for people who are not signed in.", func() int64 { return int64(d.queue.count()) }},
		{"msgd_journal_bytes", "The size of the journal.", d.journal.size},
		{"msgd_sessions", "Sessions there are; -1 if they cannot be listed.", d.sessionCount},
	} {
		d.meters.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help},
			func() float64 { return float64(g.read()) }))
	}
}

// Gauge offers one more number. It is for whoever serves the Daemon, and is
// called before Metrics is.
func (d *Daemon) Gauge(name, help string, read func() int) {
	d.meters.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
		func() float64 { return float64(read()) }))
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
	return promhttp.HandlerFor(d.meters.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
