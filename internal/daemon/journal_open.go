package daemon

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	boltErrors "go.etcd.io/bbolt/errors"
)

const (
	lockWait      = 3 * time.Second // for another msgd that is just ending
	formatVersion = "1"             // of the file as a whole
	mapSize       = 16 << 20        // the file grows to this at once, not page by page
	worthwhile    = 4 << 20         // less free space is not worth a compaction
)

// options of the store. The list of free pages is kept on the disk (no
// NoFreelistSync): this costs next to nothing, and without it the store finds
// the pages on a goroutine of its own, which ends the program if the file is
// damaged.
func options() *bolt.Options {
	return &bolt.Options{Timeout: lockWait, FreelistType: bolt.FreelistMapType, InitialMmapSize: mapSize}
}

// openStore opens the file, and makes it if there is none. A file that is
// damaged is an error and is left as it is.
func openStore(path string) (*bolt.DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the journal: %v", err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := createStore(path); err != nil {
			return nil, fmt.Errorf("making the journal %q: %v", path, err)
		}
	}
	if err := verify(path); err != nil {
		return nil, openError(path, err)
	}
	db, err := openWhole(path)
	if err != nil {
		return nil, openError(path, err)
	}
	return db, nil
}

// openError says what to do.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, boltErrors.ErrTimeout):
		return fmt.Errorf("the journal %q is in use for %v: another msgd runs, stop it first", path, lockWait)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("opening the journal: %v", err)
	case errors.Is(err, errNewer):
		return fmt.Errorf("the journal %q was written by a later version of msgd: install that version, or name another file in msgd.toml (journal.path)", path)
	}
	return fmt.Errorf("the journal %q is damaged: %v; keep a copy, move the file away, and start msgd, which makes a new one", path, err)
}

var errNewer = errors.New("it has another format")

// createStore makes the file beside its place and links it there when it is
// whole, so that no crash leaves half a file. Another msgd that is faster wins.
func createStore(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return err
	}
	db, err := bolt.Open(f.Name(), 0o600, options())
	if err != nil {
		return err
	}
	err = errors.Join(db.Update(createBuckets), db.Close())
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(path)
}

func createBuckets(tx *bolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketMeta).Put([]byte("version"), []byte(formatVersion))
}

// syncFolder makes a new name last.
func syncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// safely turns what the store does with wrong pages, which is to panic or to
// read outside of the file, into an error. Only what runs on this goroutine is
// safe.
func safely(open func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return open()
}

// verify visits all that is in the file, without changing any of it.
func verify(path string) error {
	return safely(func() error {
		db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockWait, ReadOnly: true})
		if err != nil {
			return err
		}
		defer db.Close()
		return db.View(func(tx *bolt.Tx) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if info.Size() < tx.Size() {
				return fmt.Errorf("it has %d bytes and should have %d", info.Size(), tx.Size())
			}
			return verifyBuckets(tx)
		})
	})
}

func verifyBuckets(tx *bolt.Tx) error {
	found := 0
	err := tx.ForEach(func(name []byte, b *bolt.Bucket) error {
		if b == nil || !slices.ContainsFunc(buckets, func(known []byte) bool { return bytes.Equal(name, known) }) {
			return fmt.Errorf("it has something called %q", name)
		}
		found++
		return b.ForEach(func(k, v []byte) error {
			if v == nil {
				return fmt.Errorf("%q in %q has no value", k, name)
			}
			return nil
		})
	})
	if err == nil && found != len(buckets) {
		err = fmt.Errorf("%d of %d parts are missing", len(buckets)-found, len(buckets))
	}
	if err != nil {
		return err
	}
	if v := tx.Bucket(bucketMeta).Get([]byte("version")); string(v) != formatVersion {
		return fmt.Errorf("%w: %q", errNewer, v)
	}
	return nil
}

// openWhole opens a file that was verified, and makes it smaller if that is
// worth it.
func openWhole(path string) (db *bolt.DB, err error) {
	if db, err = openChecked(path); err != nil {
		return nil, err
	}
	if free := freeSize(db); free < worthwhile || free <= usedSize(db) {
		return db, nil
	}
	if err := compact(db, path); err != nil {
		return nil, fmt.Errorf("making it smaller: %v", err)
	}
	return openChecked(path)
}

// openChecked has the store itself check how its pages hang together.
func openChecked(path string) (db *bolt.DB, err error) {
	err = safely(func() (err error) {
		if db, err = bolt.Open(path, 0o600, options()); err != nil {
			return err
		}
		err = db.View(func(tx *bolt.Tx) error {
			var found error
			for err := range tx.Check() { // to its end: it runs on a goroutine
				found = cmp.Or(found, err)
			}
			return found
		})
		if err != nil {
			db.Close()
		}
		return err
	})
	return db, err
}

// compact writes what is in use to a new file and puts it in the place of the
// old one, which it closes.
func compact(db *bolt.DB, path string) error {
	small := path + ".small"
	_ = os.Remove(small) // of a compaction that a crash has ended
	defer os.Remove(small)
	dst, err := bolt.Open(small, 0o600, options())
	if err != nil {
		return errors.Join(err, db.Close())
	}
	err = errors.Join(bolt.Compact(dst, db, 1<<20), dst.Close())
	if err == nil {
		err = os.Rename(small, path) // before the lock on the old one goes
	}
	return errors.Join(err, db.Close(), syncFolder(path))
}

// freeSize is how many bytes of the file nothing is in.
func freeSize(db *bolt.DB) int64 {
	stats := db.Stats()
	return int64(stats.FreePageN+stats.PendingPageN) * int64(db.Info().PageSize)
}

// usedSize is how many bytes of the file something is in.
func usedSize(db *bolt.DB) int64 {
	size := int64(0)
	_ = db.View(func(tx *bolt.Tx) error { // without an error of ours there is none
		size = tx.Size()
		return nil
	})
	return size - freeSize(db)
}
