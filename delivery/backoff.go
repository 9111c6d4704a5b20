package delivery

import "time"

// The retry schedule: 1 s after the first attempt, twice as long after each further one, 30 s at the most, each within
// 20 % to either side, so that what failed together does not come back together.
const (
	firstRetry = time.Second
	maxRetry   = 30 * time.Second
	jitter     = 0.2
)

// Backoff is the wait after the attempt with this number, counted from 1. The random number is in [0,1).
func Backoff(attempt int, random float64) time.Duration {
	wait := maxRetry
	// 2^5 s is above the maximum; shifting further would overflow.
	if attempt <= 5 {
		wait = min(firstRetry<<(attempt-1), maxRetry)
	}
	return time.Duration(float64(wait) * (1 - jitter + 2*jitter*random))
}
