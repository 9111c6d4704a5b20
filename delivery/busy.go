package delivery

import "sync"

// busy counts what is going on.
type busy struct {
	mu   sync.Mutex
	n    int
	idle chan struct{}
}

func (b *busy) begin(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n += n
}

func (b *busy) end(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n -= n
	if b.n == 0 && b.idle != nil {
		close(b.idle)
		b.idle = nil
	}
}

func (b *busy) wait() {
	b.mu.Lock()
	if b.n == 0 {
		b.mu.Unlock()
		return
	}
	if b.idle == nil {
		b.idle = make(chan struct{})
	}
	idle := b.idle
	b.mu.Unlock()
	<-idle
}
