package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	bolt "go.etcd.io/bbolt"
)

// journal is the one file: what was sent (which is never changed), what came
// of it (which is added to), what is not finished (the spool), and who does
// not want to be disturbed.
//
// All writing is done by one goroutine. It writes whatever has come together
// while it was writing, in one transaction with one sync: many at a time when
// there is much to do, and without any delay when there is not.
type journal struct {
	db     *bolt.DB
	update func(func(*bolt.Tx) error) error // one transaction, with its sync
	log    *slog.Logger
	meters *meters
	writes *mailbox[write]
	ended  chan struct{} // closed when the writer has ended
	again  []write       // what could not be written and must be; only the writer has it
}

// write is one change of the journal.
type write struct {
	// apply makes the change. An error that is errUsed comes before anything
	// was changed and is about this change alone; any other undoes the whole
	// transaction.
	apply func(tables) error

	// done, if not nil, is told when it is on the disk, or why it is not. It
	// must not wait for anything.
	done func(error)

	// must says that the change is tried again until it is on the disk.
	// Whoever waits for it is told of the first failure all the same, because
	// what it says has happened (should msgd end before, the message is shown
	// once more and marked), unless patient.
	must, patient bool
}

// errUsed is for a message whose ID another one has.
var errUsed = errors.New("the ID is in use")

// tryAgain is how long the writer waits after a disk that takes nothing.
const tryAgain = time.Second

func startJournal(db *bolt.DB, log *slog.Logger, m *meters) *journal {
	j := &journal{db: db, update: db.Update, log: log, meters: m, writes: newMailbox[write](), ended: make(chan struct{})}
	go j.run()
	return j
}

func (j *journal) run() {
	defer close(j.ended)
	for {
		batch := j.writes.take()
		if len(batch) == 0 {
			if len(j.again) > 0 {
				j.commit(nil)
			}
			return
		}
		j.commit(batch)
	}
}

// commit writes a batch, after what an earlier one has left.
func (j *journal) commit(batch []write) {
	batch = append(j.again, batch...)
	j.again = nil
	results := make([]error, len(batch))
	began := time.Now()
	err := j.update(func(tx *bolt.Tx) error {
		t := tablesOf(tx)
		for i, w := range batch {
			if results[i] = w.apply(t); results[i] != nil && !errors.Is(results[i], errUsed) {
				return results[i]
			}
		}
		return nil
	})
	j.meters.commit(began, err)
	if err != nil {
		err = fmt.Errorf("writing the journal: %w", err)
		j.keep(batch, err)
	}
	for i, w := range batch {
		if w.done != nil && (err == nil || !w.patient) {
			w.done(errors.Join(err, results[i]))
		}
	}
}

// keep puts what must be written aside.
func (j *journal) keep(batch []write, err error) {
	j.log.Error("the journal cannot be written", "error", err)
	for _, w := range batch {
		if !w.must {
			continue
		}
		if !w.patient {
			w.done = nil
		}
		j.again = append(j.again, w)
	}
	if len(j.again) > 0 {
		time.AfterFunc(tryAgain, func() { j.writes.put(write{apply: func(tables) error { return nil }}) })
	}
}

// do makes one change and waits until it is on the disk. then, if not nil, is
// called when it is, before anything that comes after it.
func (j *journal) do(apply func(tables) error, then func()) error {
	done := make(chan error, 1)
	j.writes.put(write{apply: apply, done: func(err error) {
		if err == nil && then != nil {
			then()
		}
		done <- err
	}})
	select {
	case err := <-done:
		return err
	case <-j.ended:
		return errClosed
	}
}

// errClosed is for what comes when msgd is nearly gone.
var errClosed = errors.New("writing the journal: it is closed")

// view reads.
func (j *journal) view(read func(tables) error) error {
	return j.db.View(func(tx *bolt.Tx) error { return read(tablesOf(tx)) })
}

// close writes what is left and closes the file.
func (j *journal) close() error {
	j.writes.close()
	<-j.ended
	if len(j.again) > 0 {
		j.log.Error("outcomes are lost: these messages will be shown again", "outcomes", len(j.again))
	}
	return j.db.Close()
}

// size is how many bytes are in use; the file may be larger.
func (j *journal) size() int64 {
	return usedSize(j.db)
}
