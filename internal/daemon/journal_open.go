package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
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
// NoFreelistSync): it is one more page to write, and saves reading all of them
// when the file is opened.
func options() *bolt.Options {
	return &bolt.Options{Timeout: lockWait, FreelistType: bolt.FreelistMapType, InitialMmapSize: mapSize}
}

// openStore opens the file, and makes it if there is none. A file that is
// damaged is an error and is left as it is.
func openStore(path string, log *slog.Logger) (*bolt.DB, error) {
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
	db, err := openWhole(path, log)
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
	case errors.Is(err, errNewer):
		return fmt.Errorf("the journal %q was written by a later version of msgd: install that version, or name another file in msgd.toml (journal.path)", path)
	case errors.As(err, new(syscall.Errno)): // the system does not let it be read: read-only, full, a broken disk
		return fmt.Errorf("opening the journal: %w; it is left as it is", err)
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

// syncFolder makes a new name last. Windows does that by itself.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// verify looks at the whole file, without changing it. It holds the lock so
// that nobody else does meanwhile.
func verify(path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() == 0 {
		return errors.New("it is empty")
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockWait, ReadOnly: true})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := checkPages(path); err != nil {
		return err
	}
	return db.View(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("%q is missing", name)
			}
		}
		if v := tx.Bucket(bucketMeta).Get([]byte("version")); string(v) != formatVersion {
			return fmt.Errorf("%w: %q", errNewer, v)
		}
		return nil
	})
}

// openWhole opens a file that was verified, and makes it smaller if that is
// worth it. It can be used all the same if there is no room for a smaller one.
func openWhole(path string, log *slog.Logger) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o600, options())
	if err != nil {
		return nil, err
	}
	if free := freeSize(db); free < worthwhile || free <= usedSize(db) {
		return db, nil
	}
	if err := compact(db, path); err != nil {
		log.Warn("the journal is not made smaller", "error", err)
	}
	return bolt.Open(path, 0o600, options())
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
