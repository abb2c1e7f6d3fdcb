package route

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"msg"
	"msg/internal/control"
)

// A msg that waits where no msgd runs takes the answers itself, on a socket of
// its own. It is not that of msgd, which may be started meanwhile: nobody must
// take one for the other.
const (
	answerSocket  = "answer-%d.sock" // with the number of the process
	answerSockets = "answer-*.sock"
)

// answerer is a msg.Host that shows messages itself.
type answerer interface {
	Answer(ctx context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error)
}

// takeAnswers lets people answer what h shows, until stop is called. Where that
// cannot be, in a folder that is not there or not ours, they answer in popups
// and windows only, and whoever asked is told so.
func (r Router) takeAnswers(h msg.Host) (stop func()) {
	a, ok := h.(answerer)
	if !ok || r.OwnDir == "" {
		return func() {}
	}
	_ = os.Mkdir(r.OwnDir, 0o755) // Listen says why not
	path := filepath.Join(r.OwnDir, fmt.Sprintf(answerSocket, os.Getpid()))
	l, err := control.Listen(path, 0o666)
	if err != nil {
		r.Warn(fmt.Errorf("nobody can answer in a plain terminal: %w", err))
		return func() {}
	}
	name, _ := os.Hostname()
	server := control.Server{Service: answers{a}, Host: name}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(ctx, l)
	}()
	return func() {
		cancel()
		<-ended
		_ = os.Remove(path + ".lock") // its name is used once
	}
}

// answers is what a msg that waits offers.
type answers struct{ answerer }

// errOnlyAnswers is what it says to anything else.
const errOnlyAnswers = msg.UnsupportedError("this is a msg that waits for answers; the rest needs msgd")

// Sessions is not offered.
func (answers) Sessions(context.Context, msg.Principal) ([]msg.Session, error) {
	return nil, errOnlyAnswers
}

// Send is not offered.
func (answers) Send(context.Context, msg.Principal, msg.Target, msg.Message, func(msg.Receipt)) error {
	return errOnlyAnswers
}

// SetDND is not offered.
func (answers) SetDND(context.Context, msg.Principal, msg.DND) error { return errOnlyAnswers }

// DND is not offered.
func (answers) DND(context.Context, msg.Principal) (msg.DND, error) {
	return msg.DND{}, errOnlyAnswers
}

// Messages is not offered.
func (answers) Messages(context.Context, msg.Principal, string, int, func(msg.Record)) error {
	return errOnlyAnswers
}

// Answer answers a message that was shown on this computer, by its msgd or by
// a msg that waits.
func (r Router) Answer(ctx context.Context, a msg.Answer) (msg.Receipt, error) {
	var failed error
	for _, path := range append([]string{r.Socket}, r.waiting()...) {
		receipt, err := control.NewClient(control.DialLocal(path), "").Answer(ctx, a)
		if err == nil || errors.Is(err, msg.ErrButton) { // it is this message that is meant
			return receipt, err
		}
		if failed == nil || errors.Is(failed, control.ErrNoDaemon) || errors.Is(failed, msg.ErrNothing) && !errors.Is(err, control.ErrNoDaemon) {
			failed = err
		}
	}
	return msg.Receipt{}, failed
}

// waiting lists the sockets of those who wait, the newest first: without an ID
// the message that came last is meant.
func (r Router) waiting() []string {
	if r.OwnDir == "" {
		return nil
	}
	made := map[string]time.Time{}
	for _, dir := range []string{filepath.Dir(r.Socket), r.OwnDir} {
		paths, _ := filepath.Glob(filepath.Join(dir, answerSockets))
		for _, path := range paths {
			if info, err := os.Lstat(path); err == nil {
				made[path] = info.ModTime()
			}
		}
	}
	return slices.SortedFunc(maps.Keys(made), func(a, b string) int {
		return cmp.Or(made[b].Compare(made[a]), cmp.Compare(a, b))
	})
}
