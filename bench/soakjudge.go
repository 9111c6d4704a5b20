package main

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// sample is what is watched: resident memory in bytes, descriptors, goroutines, and bytes allocated for a request.
type sample struct{ memory, descriptors, goroutines, work float64 }

// judge compares the second quarter, when all is warm, with the last.
func judge(samples []sample) error {
	n := len(samples)
	early, late := samples[n/4:n/2], samples[n-n/4:]
	var grown []string
	for _, what := range []struct {
		name         string
		of           func(sample) float64
		slack, scale float64
	}{
		{"memory, MB", func(s sample) float64 { return s.memory }, 40 << 20, 1 << 20},
		{"descriptors", func(s sample) float64 { return s.descriptors }, 50, 1},
		{"goroutines", func(s sample) float64 { return s.goroutines }, 100, 1},
		{"allocated for a request, kB", func(s sample) float64 { return s.work }, 8 << 10, 1 << 10},
	} {
		a, b := median(early, what.of), median(late, what.of)
		fmt.Printf("%-28s %8.0f in the second quarter, %8.0f in the last\n", what.name, a/what.scale, b/what.scale)
		if b > 1.25*a+what.slack {
			grown = append(grown, what.name)
		}
	}
	if len(grown) > 0 {
		return fmt.Errorf("it grows: %s", strings.Join(grown, "; "))
	}
	return nil
}

func median(samples []sample, of func(sample) float64) float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// metrics reads the metrics without labels.
func (s *soak) metrics() (map[string]float64, error) {
	response, err := http.Get(s.ops + "/metrics")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	values := map[string]float64{}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if name, text, ok := strings.Cut(lines.Text(), " "); ok {
			if value, err := strconv.ParseFloat(text, 64); err == nil {
				values[name] = value
			}
		}
	}
	return values, nil
}
