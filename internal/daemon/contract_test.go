package daemon

import (
	"context"
	"testing"

	"msg"
	"msg/internal/hosttest"
)

// asHost is a Daemon as root sees it.
type asHost struct{ *office }

func (h asHost) Sessions(ctx context.Context) ([]msg.Session, error) {
	return h.office.Sessions(ctx, principal("root"))
}

func (h asHost) Send(ctx context.Context, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	return h.office.Send(ctx, principal("root"), t, m, report)
}

func (h asHost) Close() error { return nil }

func TestContract(t *testing.T) {
	hosttest.Contract(t, func(t *testing.T) hosttest.Fixture {
		fake := hosttest.NewFake(
			does(seat("1", "alice"), msg.OutcomeAnswered, 0),
			seat("2", "bob"),
			does(seat("3", "bob"), msg.OutcomeDismissed, 0),
		)
		return hosttest.Fixture{Host: asHost{run(t, testConfig(t), fake)}, Screen: fake.Screen, Waits: true}
	})
}
