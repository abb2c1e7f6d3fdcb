package daemon

import (
	"cmp"
	"slices"
	"time"
)

// housekeeping forgets what nobody needs any more.
func (d *Daemon) housekeeping(now time.Time) {
	d.rates.forget(now)
	for _, account := range d.peace.over(now) {
		if err := d.forgetDND(account, now); err != nil {
			d.log.Error("ending a do-not-disturb", "account", account, "error", err)
		}
	}
	removed, err := d.journal.prune(now.Add(-d.config.Journal.Keep), d.config.Journal.MaxSize)
	if removed > 0 {
		d.log.Info("old messages are removed", "messages", removed)
	}
	if err != nil {
		d.log.Error("removing old messages", "error", err)
	}
}

// tidySoon has the journal looked at before the hour is over if much was
// written.
func (d *Daemon) tidySoon(written int) {
	if d.written.Add(int64(written)) < d.config.Journal.MaxSize/8 {
		return
	}
	d.written.Store(0)
	select {
	case d.clean <- struct{}{}:
	default: // it is about to be
	}
}

// weighed is a finished message and what it takes.
type weighed struct {
	number  number
	sent    time.Time
	account string
	size    int64
}

// pruneAtOnce is how many messages are removed in one transaction, so that
// those who send do not wait.
const pruneAtOnce = 100

// prune removes the finished messages that were sent before, and then as many
// as it takes to come below a size. It returns how many it has removed.
func (j *journal) prune(before time.Time, most int64) (removed int, err error) {
	var victims []number
	if err := j.view(func(t tables) (err error) {
		list, total, err := t.weigh()
		victims = surplus(list, total, before, most)
		return err
	}); err != nil {
		return 0, err
	}
	for some := range slices.Chunk(victims, pruneAtOnce) {
		if err := j.do(func(t tables) error {
			for _, n := range some {
				if err := t.remove(n); err != nil {
					return err
				}
			}
			return nil
		}, nil); err != nil {
			return removed, err
		}
		removed += len(some)
	}
	return removed, nil
}

// weigh lists the finished messages in their order; the total is that of all.
func (t tables) weigh() (list []weighed, total int64, err error) {
	sizes := map[number]int64{}
	add := func(key, value []byte) error {
		sizes[numberOf(key)] += int64(len(key) + len(value))
		total += int64(len(key) + len(value))
		return nil
	}
	if err := cmp.Or(t.places.ForEach(add), t.receipts.ForEach(add), t.messages.ForEach(add)); err != nil {
		return nil, 0, err
	}
	err = t.messages.ForEach(func(key, value []byte) error {
		n := numberOf(key)
		if t.unfinished.Get(key) == nil {
			h, _ := decodeHead(value) // a damaged one is nobody's, and very old
			list = append(list, weighed{n, h.sent, h.account, sizes[n]})
		}
		return nil
	})
	return list, total, err
}

// surplus chooses what to remove. Those that are too old go; if that is not
// enough, the oldest of whoever takes the most, again and again, so that nobody
// can push what others did out of the journal.
func surplus(list []weighed, total int64, before time.Time, most int64) (victims []number) {
	byAccount, takes := map[string][]weighed{}, map[string]int64{}
	for _, w := range list {
		if w.sent.Before(before) {
			victims = append(victims, w.number)
			total -= w.size
			continue
		}
		byAccount[w.account] = append(byAccount[w.account], w)
		takes[w.account] += w.size
	}
	for total > most && len(takes) > 0 {
		account := largest(takes)
		w := byAccount[account][0]
		victims = append(victims, w.number)
		total -= w.size
		takes[account] -= w.size
		if byAccount[account] = byAccount[account][1:]; len(byAccount[account]) == 0 {
			delete(takes, account)
		}
	}
	return victims
}

func largest(takes map[string]int64) (account string) {
	most := int64(-1)
	for a, n := range takes {
		if n > most || n == most && a < account {
			account, most = a, n
		}
	}
	return account
}
