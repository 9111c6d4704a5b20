package pebblestore

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable/block"

	"github.com/nudgehq/nudge/delivery"
	"github.com/nudgehq/nudge/delivery/deliverytest"
)

// BenchmarkOptions measures what the database's options are worth: 64 callers add notifications and end them later, so that what was
// written is compacted. written/op is all that went to the disk for one: log, memtables, compactions.
//
//	go test ./delivery/pebblestore -run '^$' -bench Options -benchtime 300000x
func BenchmarkOptions(b *testing.B) {
	cache := func(size int64) func(*pebble.Options) {
		return func(o *pebble.Options) { o.Cache = pebble.NewCache(size) }
	}
	memTable := func(size uint64) func(*pebble.Options) {
		return func(o *pebble.Options) { o.MemTableSize = size }
	}
	compression := func(profile *block.CompressionProfile) func(*pebble.Options) {
		return func(o *pebble.Options) {
			for i := range o.Levels {
				o.Levels[i].Compression = func() *block.CompressionProfile { return profile }
			}
		}
	}
	for _, c := range []struct {
		name string
		tune func(*pebble.Options)
	}{
		{"as it is", nil},
		{"log synced each 512 kB", func(o *pebble.Options) { o.WALBytesPerSync = 512 << 10 }},
		{"memtable 4 MB", memTable(4 << 20)}, {"memtable 16 MB", memTable(16 << 20)}, {"memtable 128 MB", memTable(128 << 20)},
		{"cache 8 MB", cache(8 << 20)}, {"cache 256 MB", cache(256 << 20)},
		{"no compression", compression(block.NoCompression)}, {"zstd", compression(block.ZstdCompression)},
		{"no Bloom filters", func(o *pebble.Options) { o.Levels = [7]pebble.LevelOptions{} }},
		{"compactions two at once", func(o *pebble.Options) { o.CompactionConcurrencyRange = func() (int, int) { return 2, 2 } }},
		{"as it is, again", nil},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkAddAndEnd(b, c.tune) })
	}
}

func benchmarkAddAndEnd(b *testing.B, tune func(*pebble.Options)) {
	const callers, later = 64, 5000
	s, err := Open(b.TempDir(), Options{tune: tune})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	began := time.Now().UTC().Truncate(time.Millisecond)
	notification := func(i int) delivery.Notification {
		n := deliverytest.Notification(i)
		n.Created = began.Add(time.Duration(i) * 50 * time.Microsecond).Truncate(time.Millisecond)
		return n
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := int(next.Add(1)); i <= b.N; i = int(next.Add(1)) {
				n := notification(i)
				if err := s.Add(context.Background(), n); err != nil {
					b.Error(err)
					return
				}
				if i <= later {
					continue
				}
				ended := delivery.Record{Notification: notification(i - later), State: delivery.Delivered, Ended: n.Created}
				if err := s.End(context.Background(), ended); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	m := s.db.Metrics()
	total := m.Total()
	written := m.WAL.BytesWritten + total.TableBytesFlushed + total.TableBytesCompacted
	b.ReportMetric(float64(written)/float64(b.N), "written-B/op")
	b.ReportMetric(float64(m.DiskSpaceUsage())/float64(b.N), "kept-B/op")
}
