package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"

	"msg/internal/control"
)

// metricsMode is that of a socket for metrics: for root, and whoever root lets
// at it.
const metricsMode fs.FileMode = 0o660

// metrics offers the numbers where the configuration says, if it does.
func (s *service) metrics(ctx context.Context) error {
	where := s.config.Metrics
	if where.Network == "" {
		return nil
	}
	l, err := listenMetrics(where.Network, where.Address)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.daemon.Metrics())
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 8 << 10,
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

func listenMetrics(network, address string) (net.Listener, error) {
	if network == "unix" {
		return control.Listen(address, metricsMode)
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	// "localhost" is whatever /etc/hosts says.
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%s is not an address of this computer alone", l.Addr()), l.Close())
	}
	return l, nil
}
