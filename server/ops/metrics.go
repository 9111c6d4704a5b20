package ops

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nudgehq/nudge/delivery"
)

// deliveryMetrics are the metrics of deliveries.
type deliveryMetrics struct {
	attempts *prometheus.CounterVec
	outcomes *prometheus.CounterVec
	changes  *prometheus.CounterVec
	dead     *prometheus.CounterVec
	refused  *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	lag      prometheus.Histogram
}

func newDeliveryMetrics(registry *prometheus.Registry) deliveryMetrics {
	m := deliveryMetrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nudge_delivery_attempts_total",
			Help: "Attempts to deliver, by channel and result (delivered, sent, waiting, again, gone).",
		}, []string{"channel", "result"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nudge_delivery_outcomes_total",
			Help: "Notifications that ended, by channel and state (delivered, expired, failed).",
		}, []string{"channel", "state"}),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nudge_destination_changes_total",
			Help: "Receivers that began to fail, or to work again, by what they began (fails, works).",
		}, []string{"to"}),
		dead: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nudge_dead_addresses_total",
			Help: "Addresses that were found dead, by channel: nothing is sent to them any more.",
		}, []string{"channel"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nudge_credentials_refused_total",
			Help: "How often a provider began to refuse this server's credentials or settings, by channel.",
		}, []string{"channel"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "nudge_delivery_latency_seconds",
			Help:    "Time from a notification's creation to its delivery, by channel.",
			Buckets: []float64{0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300},
		}, []string{"channel"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "nudge_expiry_lag_seconds",
			Help:    "Time from the end of a notification's TTL to its expiry.",
			Buckets: []float64{0.001, 0.01, 0.05, 0.1, 0.25, 1, 10},
		}),
	}
	registry.MustRegister(m.attempts, m.outcomes, m.changes, m.dead, m.refused, m.latency, m.lag)
	return m
}

func (m deliveryMetrics) observe(e delivery.Event) {
	channel := e.Record.Channel
	switch e.Type {
	case delivery.EventCreated:
	case delivery.EventDestinationFails:
		m.changes.WithLabelValues("fails").Inc()
	case delivery.EventDestinationWorks:
		m.changes.WithLabelValues("works").Inc()
	case delivery.EventAddressDead:
		m.dead.WithLabelValues(channel).Inc()
	case delivery.EventCredentialsRefused:
		m.refused.WithLabelValues(e.Channel).Inc()
	case delivery.EventCredentialsAccepted:
	case delivery.EventAttempted:
		m.attempts.WithLabelValues(channel, e.Result).Inc()
	default:
		m.outcomes.WithLabelValues(channel, string(e.Type)).Inc()
	}
	switch {
	case e.Type == delivery.EventDelivered:
		m.latency.WithLabelValues(channel).Observe(e.Time.Sub(e.Record.Created).Seconds())
	case e.Type == delivery.EventExpired && e.Record.TTL > 0:
		m.lag.Observe(e.Time.Sub(e.Record.Expires()).Seconds())
	}
}

// BuildInfo makes a metric of what this program is, which is always 1.
func (o *Ops) BuildInfo(labels map[string]string) {
	o.build = labels
	o.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "nudge_build_info", Help: "The versions of the program, in its labels.", ConstLabels: labels}, func() float64 { return 1 }))
}

// Gauge makes a metric of what value gives.
func (o *Ops) Gauge(name, help string, value func() int) {
	o.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
}

// GaugeBy makes a metric of what values gives, by a label.
func (o *Ops) GaugeBy(name, help, label string, values func() map[string]int) {
	o.registry.MustRegister(gaugeBy{prometheus.NewDesc(name, help, []string{label}, nil), values})
}

// gaugeBy is a metric whose labels are known when it is asked for.
type gaugeBy struct {
	desc   *prometheus.Desc
	values func() map[string]int
}

// Describe gives its description.
func (g gaugeBy) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- g.desc }

// Collect gives its values.
func (g gaugeBy) Collect(metrics chan<- prometheus.Metric) {
	for label, value := range g.values() {
		metrics <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(value), label)
	}
}

// Counter makes a metric of what value gives, which only grows.
func (o *Ops) Counter(name, help string, value func() int) {
	o.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
}
