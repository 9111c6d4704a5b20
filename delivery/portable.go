package delivery

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"
)

// Moved is the reason of a record that failed here because it is pending in another store.
const Moved = "moved to another store"

// IsMoved tells that a record is pending in another store.
func (r Record) IsMoved() bool { return r.State == Failed && r.Reason == Moved }

// DeviceHash stands for a device where its name need not be known: the first 16 bytes of the SHA-256 of its service, a slash and
// its identity.
type DeviceHash [16]byte

// Hash gives the device's.
func (d Device) Hash() DeviceHash {
	sum := sha256.Sum256([]byte(d.ServiceSID + "/" + d.Identity))
	return DeviceHash(sum[:16])
}

// Revocation says up to when the tokens of a device are good for nothing.
type Revocation struct {
	Device DeviceHash
	At     time.Time
}

// DeadAddress is an address at which nothing arrives any more.
type DeadAddress struct {
	Hash  AddressHash
	Since time.Time
}

// PortableStore is a Store whose content can be moved to another one.
type PortableStore interface {
	AddressStore
	// Records yields all records that are kept, pending and ended, in any order. An error ends it.
	Records(ctx context.Context) iter.Seq2[Record, error]
	// Counted gives how many notifications count against the limit of a notification's challenge.
	Counted(ctx context.Context, n Notification) (int, error)
	// Restore keeps a record of another store as it is, and has at least so many count for its challenge. It does nothing, and
	// gives false, where a record with its SID is there already that was not moved away; but one that is pending there and has ended
	// here ends there too.
	Restore(ctx context.Context, r Record, counted int) (restored bool, err error)
	// Revocations gives all devices whose tokens were revoked.
	Revocations(ctx context.Context) ([]Revocation, error)
	// RestoreRevocation revokes the tokens of a device.
	RestoreRevocation(ctx context.Context, r Revocation) error
	// Addresses gives all addresses that are dead.
	Addresses(ctx context.Context) ([]DeadAddress, error)
}

// MoveReport counts what was moved.
type MoveReport struct {
	// Pending were pending and are so in the other store now, Ended had ended and were copied, Revoked are the devices whose tokens were
	// revoked.
	Pending int `json:"pending"`
	Ended   int `json:"ended"`
	Revoked int `json:"revoked_devices"`
	// Dead are the addresses at which nothing arrives any more.
	Dead int `json:"dead_addresses"`
	// Expired had expired so long ago that no store keeps it; it is ended where it was.
	Expired int `json:"expired"`
	// There were in the other store already, by a move before this one.
	There int `json:"already_there"`
}

// moveAtOnce is how many records are on their way, and endAtOnce how many are ended in one call.
const moveAtOnce, endAtOnce = 64, 256

// Move moves what is pending in one store to another, with its expiry and the counts of its challenges, and copies what has ended
// lately and which tokens were revoked. No process may use either store meanwhile. What is moved ends here, after it is durable
// there, as failed for the reason Moved; so a move that was cut off can be repeated, and another one can go back.
func Move(ctx context.Context, from, to PortableStore) (report MoveReport, err error) {
	revocations, err := from.Revocations(ctx)
	if err != nil {
		return report, fmt.Errorf("reading the revoked tokens: %w", err)
	}
	for _, r := range revocations {
		if err := to.RestoreRevocation(ctx, r); err != nil {
			return report, fmt.Errorf("copying the revoked tokens: %w", err)
		}
		report.Revoked++
	}
	m := mover{from: from, to: to, report: &report}
	for onlyPending := false; ; onlyPending = true {
		pending, err := m.pass(ctx, onlyPending)
		// What was written while it was read is found by another pass.
		if err != nil {
			return report, err
		}
		if pending == 0 {
			report.Dead, err = moveAddresses(ctx, from, to)
			return report, err
		}
	}
}

// moveAddresses copies which addresses are dead, unless the other store knows.
func moveAddresses(ctx context.Context, from, to PortableStore) (moved int, err error) {
	dead, err := from.Addresses(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the dead addresses: %w", err)
	}
	for part := range slices.Chunk(dead, moveAtOnce) {
		errs := make([]error, len(part))
		var copying sync.WaitGroup
		for i, a := range part {
			if since, known := to.Buried(a.Hash); !known || a.Since.After(since) {
				copying.Go(func() { errs[i] = to.Bury(ctx, a.Hash, a.Since) })
			}
		}
		copying.Wait()
		if err := errors.Join(errs...); err != nil {
			return moved, fmt.Errorf("copying the dead addresses: %w", err)
		}
		moved += len(part)
	}
	return moved, nil
}

// mover moves records, some at a time.
type mover struct {
	from, to PortableStore
	batch    []Record
	mu       sync.Mutex
	report   *MoveReport
}

// pass moves what there is, or what is pending of it, and tells how much was pending.
func (m *mover) pass(ctx context.Context, onlyPending bool) (pending int, err error) {
	for record, err := range m.from.Records(ctx) {
		if err != nil {
			return pending, errors.Join(fmt.Errorf("reading the records: %w", err), m.flush(ctx))
		}
		isOld := record.State != Pending && time.Since(record.Ended) > Retention
		if record.IsMoved() || isOld || onlyPending && record.State != Pending {
			continue
		}
		if record.State == Pending {
			pending++
		}
		if m.batch = append(m.batch, record); len(m.batch) == endAtOnce {
			if err := m.flush(ctx); err != nil {
				return pending, err
			}
		}
	}
	return pending, m.flush(ctx)
}

// endTime is how long what is moved may take to end where it was, also when the move is cut off.
const endTime = 30 * time.Second

// flush moves the records of the batch.
func (m *mover) flush(ctx context.Context) error {
	var moving sync.WaitGroup
	free := make(chan struct{}, moveAtOnce)
	var failed error
	var over []Record
	for _, record := range m.batch {
		free <- struct{}{}
		moving.Go(func() {
			defer func() { <-free }()
			if record.State == Pending && time.Since(record.Expires()) > Retention {
				record.State, record.Ended = Expired, record.Expires()
				m.mu.Lock()
				defer m.mu.Unlock()
				m.report.Expired++
				over = append(over, record)
				return
			}
			restored, err := m.restore(ctx, record)
			m.mu.Lock()
			defer m.mu.Unlock()
			switch {
			case err != nil:
				failed = fmt.Errorf("%s cannot be moved: %w", record.SID, err)
				return
			case !restored:
				m.report.There++
			case record.State == Pending:
				m.report.Pending++
			default:
				m.report.Ended++
			}
			if record.State == Pending {
				record.State, record.Reason, record.Ended = Failed, Moved, time.Now()
				over = append(over, record)
			}
		})
	}
	moving.Wait()
	m.batch = m.batch[:0]
	if len(over) == 0 {
		return failed
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := m.from.End(ending, over...); err != nil {
		return errors.Join(failed, fmt.Errorf("what is moved cannot be ended where it was, and would be delivered twice; move again: %w", err))
	}
	return failed
}

func (m *mover) restore(ctx context.Context, record Record) (bool, error) {
	counted := 0
	if record.ChallengeLimit > 0 {
		var err error
		if counted, err = m.from.Counted(ctx, record.Notification); err != nil {
			return false, err
		}
	}
	return m.to.Restore(ctx, record, counted)
}
