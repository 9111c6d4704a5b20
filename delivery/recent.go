package delivery

import "sync"

// keptRecent is how many outcomes of notifications with a TTL of 0 are kept, in memory only.
const keptRecent = 10_000

// recent keeps the last outcomes of what is stored nowhere.
type recent struct {
	mu      sync.Mutex
	records map[string]Record
	order   []string
}

func (r *recent) add(record Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.records == nil {
		r.records = map[string]Record{}
	}
	for len(r.order) > 0 && (len(r.order) >= keptRecent || record.Ended.Sub(r.records[r.order[0]].Ended) > Retention) {
		delete(r.records, r.order[0])
		r.order = r.order[1:]
	}
	r.records[record.SID] = record
	r.order = append(r.order, record.SID)
}

func (r *recent) find(sid string) (Record, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	record, ok := r.records[sid]
	return record, ok
}
