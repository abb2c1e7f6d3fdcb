package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"msg"
	"msg/internal/hosttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"query": func() { os.Exit(run(openFake)) },
	})
}

// openFake opens the computer that the script describes in people.json, and
// writes what its sessions were shown to the folder screens when it is closed.
// Nobody who is really signed in can be sent anything.
func openFake() (msg.Host, error) {
	f, err := os.Open(os.Getenv("MSG_TEST_PEOPLE"))
	if errors.Is(err, fs.ErrNotExist) {
		return hosttest.NewFake(), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fake, err := hosttest.ReadFake(f)
	return recorded{fake}, err
}

// recorded is a fake computer whose screens outlive the process.
type recorded struct{ *hosttest.Fake }

func (r recorded) Close() error {
	dir := os.Getenv("MSG_TEST_SCREENS")
	list, err := r.Sessions(context.Background())
	if err != nil {
		return err
	}
	for _, s := range list {
		if err := os.WriteFile(filepath.Join(dir, s.ID), []byte(r.Screen(s).String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("MSG_TEST_PEOPLE", filepath.Join(env.WorkDir, "people.json"))
			env.Setenv("MSG_TEST_SCREENS", filepath.Join(env.WorkDir, "screens"))
			env.Setenv("LC_ALL", "C.UTF-8")
			return os.Mkdir(filepath.Join(env.WorkDir, "screens"), 0o755)
		},
	})
}
