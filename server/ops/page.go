package ops

import (
	"bytes"
	"embed"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"github.com/nudgehq/nudge/delivery"
)

//go:embed web
var web embed.FS

var pageTemplate = template.Must(template.ParseFS(web, "web/page.html"))

// pageView is what the operators' page shows.
type pageView struct {
	Build   map[string]string
	Problem string
	// Now are figures of this moment, Minute those of the last one.
	Now, Minute []figure
	Channels    []channelView
	// Cluster is empty for a server that shares its store with none.
	Cluster  []figure
	Failures []Event
}

// figure is a number with what it counts.
type figure struct {
	Label string
	Value int
}

// channelView is what became of a channel's notifications since the start.
type channelView struct {
	Name                                           string
	Attempts, Delivered, Expired, Failed, Breakers int
}

// servePage answers the page: no script, and it asks again by itself.
func (o *Ops) servePage(w http.ResponseWriter, _ *http.Request) {
	families, err := o.registry.Gather()
	if err != nil {
		text(w, http.StatusInternalServerError, "the metrics cannot be read")
		return
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, o.view(gathered(families))); err != nil {
		text(w, http.StatusInternalServerError, "the page cannot be written")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(b.Bytes())
}

func servePageStyle(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, web, "web/page.css")
}

func (o *Ops) view(metrics gathered) pageView {
	v := pageView{Build: o.build, Problem: o.problem()}
	for _, f := range []struct{ label, name string }{
		{"pending", "nudge_notifications_pending"}, {"requests in flight", "nudge_requests_in_flight"}, {"devices connected", "nudge_device_connections"},
		{"events dropped", "nudge_events_dropped_total"}, {"damaged records", "nudge_store_damaged_total"}, {"clock steps", "nudge_clock_steps_total"},
	} {
		if value, ok := metrics.sum(f.name, nil); ok {
			v.Now = append(v.Now, figure{f.label, value})
		}
	}
	for _, f := range []struct{ label, name string }{
		{"nodes alive", "nudge_nodes_alive"}, {"partitions of this node", "nudge_partitions_owned"}, {"partitions of no node", "nudge_partitions_unowned"},
		{"may act", "nudge_node_leased"}, {"settings that differ", "nudge_settings_differing"},
	} {
		if value, ok := metrics.sum(f.name, nil); ok {
			v.Cluster = append(v.Cluster, figure{f.label, value})
		}
	}
	counts, failed := o.recent.lastMinute()
	for _, kind := range []delivery.EventType{delivery.EventCreated, delivery.EventAttempted, delivery.EventDelivered, delivery.EventExpired, delivery.EventFailed} {
		v.Minute = append(v.Minute, figure{string(kind), counts[kind]})
	}
	for _, e := range failed {
		v.Failures = append(v.Failures, NewEvent(e))
	}
	v.Channels = metrics.channels()
	return v
}

// gathered are metrics as the registry gives them.
type gathered []*dto.MetricFamily

// sum adds up a metric's values whose labels are as wanted; ok is false where there is no such metric.
func (g gathered) sum(name string, labels map[string]string) (total int, ok bool) {
	for _, family := range g {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if hasLabels(m, labels) {
				total += int(m.GetGauge().GetValue() + m.GetCounter().GetValue())
			}
		}
		return total, true
	}
	return 0, false
}

func hasLabels(m *dto.Metric, labels map[string]string) bool {
	for name, value := range labels {
		if labelOf(m, name) != value {
			return false
		}
	}
	return true
}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// channels lists the channels that something was sent by or that fail, by name.
func (g gathered) channels() (list []channelView) {
	names := map[string]bool{}
	for _, family := range g {
		if strings.HasPrefix(family.GetName(), "nudge_delivery_") || family.GetName() == "nudge_channel_destinations_failing" {
			for _, m := range family.GetMetric() {
				if name := labelOf(m, "channel"); name != "" {
					names[name] = true
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		of := func(metric string, labels map[string]string) int {
			wanted := map[string]string{"channel": name}
			maps.Copy(wanted, labels)
			value, _ := g.sum(metric, wanted)
			return value
		}
		list = append(list, channelView{
			Name: name, Attempts: of("nudge_delivery_attempts_total", nil), Breakers: of("nudge_channel_destinations_failing", nil),
			Delivered: of("nudge_delivery_outcomes_total", map[string]string{"state": string(delivery.Delivered)}),
			Expired:   of("nudge_delivery_outcomes_total", map[string]string{"state": string(delivery.Expired)}),
			Failed:    of("nudge_delivery_outcomes_total", map[string]string{"state": string(delivery.Failed)}),
		})
	}
	return list
}
