package samba

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"msg"
	"msg/internal/hosttest"
)

// sendTime is the median time of some messages, each with a sign-in.
func sendTime(t *testing.T) time.Duration {
	t.Helper()
	var took []time.Duration
	for range 9 {
		began := time.Now()
		h := host(t, as("alice"))
		got, err := send(t, t.Context(), h, "1", hosttest.Message("tick"))
		if err != nil || got["1"].Outcome != msg.OutcomeAccepted {
			t.Fatalf("%+v, %v", got, err)
		}
		h.Close()
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// TestAbuse has a thousand connections that greet, or do not, and then say
// nothing or nonsense. Everything arrives meanwhile; how much longer it takes
// is printed, and fails nothing: the computer has other work.
func TestAbuse(t *testing.T) {
	o := open(t, nil, seat("1", "pts/1", "bob", "", ""))
	usual := sendTime(t)
	hello := greeting(t)
	for name, bytes := range map[string][]byte{
		"silent":   nil,
		"half":     hello[:40],
		"greeting": hello,
		"nonsense": append(slices.Clone(hello), 16, 0, 5, 0, 11, 3, 16, 0, 0, 0, 255, 255, 0, 0, 1, 0, 0, 0),
	} {
		for range 1000 {
			conn, err := net.Dial("unix", filepath.Join(Sockets, "lsm_api_service"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write(bytes); err != nil {
				t.Fatal(err)
			}
		}
		took := sendTime(t)
		_, pending := o.server.Clients()
		t.Logf("with 1000 connections that are %s (%d are open): %v, %.2f times as long as %v", name, pending, took, float64(took)/float64(usual), usual)
		if pending > 1024 {
			t.Errorf("%d connections are kept", pending)
		}
	}
}

// greeting is one of a real smbd.
func greeting(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("../../internal/tsts/testdata/npa-4.17.12.bin")
	if err != nil {
		t.Fatal(err)
	}
	return b
}
