package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/nudgehq/nudge/delivery/jetstream"
	"github.com/nudgehq/nudge/server/accounts"
	"github.com/nudgehq/nudge/server/challenges"
)

// inNATS is the value of --challenges and --accounts that takes them from the store that --store names.
const inNATS = "nats"

// directory is what nodes share in a bucket: entries by their keys, which come from a file and go into one.
type directory struct {
	// bucket is its name, one that of an entry.
	bucket, one string
	split       func(file []byte) (map[string][]byte, error)
	join        func(entries [][]byte) (file []byte, err error)
	// isKeyOf tells whether an entry is one of the SID.
	isKeyOf func(key, sid string) bool
}

// directoryKind is which one a command is about.
type directoryKind interface{ directory() directory }

type challengesKind struct{}

func (challengesKind) directory() directory {
	return directory{bucket: "challenges", one: "challenge", split: challenges.Split, join: challenges.Join, isKeyOf: challenges.IsKeyOf}
}

type accountsKind struct{}

func (accountsKind) directory() directory {
	return directory{bucket: "accounts", one: "account", split: accounts.Split, join: accounts.Join, isKeyOf: func(key, sid string) bool { return key == sid }}
}

type directoryCommands[K directoryKind] struct {
	Put putCommand[K]    `cmd:"" help:"Put the entries of a file there, each instead of the one that it had."`
	Get getCommand[K]    `cmd:"" help:"Print what is there, as a file that can be put. Tokens of accounts are hashes."`
	Rm  removeCommand[K] `cmd:"" help:"Remove entries."`
}

// directoryFlags say where the directory is.
type directoryFlags struct {
	Store string `required:"" placeholder:"nats://A,B,C" help:"The NATS servers that the nodes share, with a user that may write there: the operator of deploy/cluster/nats.conf."`
	natsFlags
}

// use opens the bucket of a directory, which is made where it has to be and is not there.
func (f directoryFlags) use(ctx context.Context, d directory, out output, isMade bool, work func(*jetstream.Bucket) error) error {
	if err := checkServers(f.Store); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	options, err := f.options(f.Store, "nudge "+d.bucket, plainLogger(out.stderr))
	if err != nil {
		return err
	}
	options.MustExist = !isMade
	store, err := jetstream.Connect(ctx, options)
	if err != nil {
		return unreachable("--store", f.Store, err)
	}
	bucket, err := store.Bucket(ctx, d.bucket)
	if err == nil {
		err = work(bucket)
	} else {
		err = unreachable("--store", f.Store, err)
	}
	return errors.Join(err, store.Close())
}

type putCommand[K directoryKind] struct {
	directoryFlags
	File string `arg:"" help:"A file as serve reads it; - for standard input."`
}

// Run puts all entries of the file, once all of them are valid.
func (cmd *putCommand[K]) Run(ctx context.Context, out output) error {
	var kind K
	d := kind.directory()
	data, err := os.ReadFile(cmd.File)
	if cmd.File == "-" {
		data, err = io.ReadAll(os.Stdin)
	}
	if err != nil {
		return usageError{err}
	}
	entries, err := d.split(data)
	if err != nil {
		return usagef("%s: %w", cmd.File, err)
	}
	return cmd.use(ctx, d, out, true, func(bucket *jetstream.Bucket) error {
		put := 0
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			if err := bucket.Put(ctx, key, entries[key]); err != nil {
				return fmt.Errorf("%d of %d were put: %w", put, len(entries), err)
			}
			put++
		}
		_, err := fmt.Fprintf(out.stdout, "%s put\n", plural(put, d.one))
		return err
	})
}

type getCommand[K directoryKind] struct {
	directoryFlags
	SID []string `arg:"" optional:"" help:"Those of these SIDs alone."`
}

// Run prints the entries in the order of their keys.
func (cmd *getCommand[K]) Run(ctx context.Context, out output) error {
	var kind K
	d := kind.directory()
	return cmd.use(ctx, d, out, false, func(bucket *jetstream.Bucket) error {
		found, err := d.read(ctx, bucket, cmd.SID)
		if err != nil {
			return err
		}
		var entries [][]byte
		for _, e := range found {
			entries = append(entries, e.value)
		}
		file, err := d.join(entries)
		if err == nil {
			_, err = out.stdout.Write(file)
		}
		return err
	})
}

type removeCommand[K directoryKind] struct {
	directoryFlags
	SID []string `arg:"" help:"The SIDs of what is to be removed."`
}

// Run removes the entries of the SIDs.
func (cmd *removeCommand[K]) Run(ctx context.Context, out output) error {
	var kind K
	d := kind.directory()
	return cmd.use(ctx, d, out, false, func(bucket *jetstream.Bucket) error {
		found, err := d.read(ctx, bucket, cmd.SID)
		if err != nil {
			return err
		}
		for _, e := range found {
			if err := bucket.Remove(ctx, e.key); err != nil {
				return err
			}
		}
		_, err = fmt.Fprintf(out.stdout, "%s removed\n", plural(len(found), d.one))
		return err
	})
}

// entry is one of a directory.
type entry struct {
	key   string
	value []byte
}

// read gives the entries of some SIDs, or all. It is an error that there are none of one of them.
func (d directory) read(ctx context.Context, bucket *jetstream.Bucket, sids []string) (found []entry, err error) {
	all := map[string][]byte{}
	err = bucket.Read(ctx, func(key string, value []byte) {
		if all[key] = value; value == nil {
			delete(all, key)
		}
	})
	missing := map[string]bool{}
	for _, sid := range sids {
		missing[sid] = true
	}
	for key, value := range all {
		of := slices.IndexFunc(sids, func(sid string) bool { return d.isKeyOf(key, sid) })
		if of >= 0 {
			delete(missing, sids[of])
		}
		if of >= 0 || len(sids) == 0 {
			found = append(found, entry{key, value})
		}
	}
	for _, sid := range sids {
		if err == nil && missing[sid] {
			err = fmt.Errorf("there is no %s %.60q", d.one, sid)
		}
	}
	slices.SortFunc(found, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	return found, err
}

// plural is a number with what it counts.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
