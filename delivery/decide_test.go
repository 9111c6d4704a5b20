package delivery

import "testing"

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		result        resultKind
		once, expired bool
		want          decision
	}{
		{result: resultDone, want: deliver},
		{result: resultDone, once: true, want: deliver},
		{result: resultDone, expired: true, want: deliver},
		{result: resultGone, want: fail},
		{result: resultGone, once: true, want: fail},
		{result: resultGone, expired: true, want: expire},
		{result: resultAgain, want: wait},
		{result: resultAgain, once: true, want: expire},
		{result: resultAgain, expired: true, want: expire},
		{result: resultSent, want: wait},
		{result: resultSent, once: true, want: wait},
		{result: resultSent, once: true, expired: true, want: expire},
		{result: resultWaiting, want: wait},
		{result: resultWaiting, once: true, want: expire},
		{result: resultWaiting, expired: true, want: expire},
	} {
		if got := decide(test.result, test.once, test.expired); got != test.want {
			t.Errorf("%s, once %v, expired %v: %d, want %d", Result{kind: test.result}, test.once, test.expired, got, test.want)
		}
	}
}
