package control

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fullListener is one where no file can be opened any more.
type fullListener struct{ net.Listener }

func (fullListener) Accept() (net.Conn, error) { return nil, errors.New("too many open files") }
func (fullListener) Close() error              { return nil }

// TestOutOfFiles: who takes all files does not fill the log as well.
func TestOutOfFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		s := Server{Log: slog.New(slog.NewTextHandler(&log, nil))}
		if err := s.Serve(ctx, fullListener{}); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "too many open files"); n < 5 || n > 11 {
			t.Errorf("%d lines in 10 seconds", n)
		}
	})
}
