package hosttest

import (
	"testing"

	"msg"
)

func TestFakeContract(t *testing.T) {
	Contract(t, func(t *testing.T) Fixture {
		session := func(id, user string) msg.Session {
			return msg.Session{Host: "test", ID: id, Name: "pts/" + id, User: user, Kind: msg.KindTerminal,
				State: msg.StateActive, Type: "tty", Idle: msg.IdleUnknown, Source: "fake"}
		}
		f := NewFake(
			Person{Session: session("1", "alice"), Does: msg.OutcomeAnswered, Answer: "OK"},
			Person{Session: session("2", "bob")},
			Person{Session: session("3", "bob"), Does: msg.OutcomeDismissed},
		)
		return Fixture{Host: f, Screen: f.Screen, Waits: true}
	})
}
