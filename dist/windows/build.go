package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// winres is the program that makes icon, version and manifest for the linker.
const winres = "github.com/tc-hib/go-winres@v0.3.3"

// program is one of ours.
type program struct {
	name, title string
	copies      []string // other names that it goes by
}

var programs = []program{
	{"msg", "Send a message to people who are signed in", nil},
	{"query", "Show who is signed in", []string{"qwinsta", "quser"}},
	{"msgd", "Messages within the rules, as a service", nil},
}

// source copies what the programs are made of, and puts beside each what the
// linker is to add: in the tree itself, builds for other purposes would find
// it too. (go build -overlay does not take .syso files.)
func (r release) source(dir string) error {
	for _, part := range []string{"cmd", "internal"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(part)); err != nil {
			return err
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		return err
	}
	for _, name := range append(files, "go.mod", "go.sum") {
		if err := copyFile(name, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	var all errgroup.Group
	for _, p := range programs {
		all.Go(func() error {
			if err := r.resources(p, filepath.Join(dir, "cmd", p.name)); err != nil {
				return fmt.Errorf("icon, version and manifest of %s: %w", p.name, err)
			}
			return nil
		})
	}
	return all.Wait()
}

// build compiles and signs the programs of one processor, or signs those that
// were compiled elsewhere.
func (r release) build(arch, src, folder string) error {
	get := func() error { return r.compile(arch, src, folder) }
	if r.programs != "" {
		get = func() error { return r.take(folder) }
	}
	if err := get(); err != nil {
		return err
	}
	for _, p := range programs {
		if err := r.key.sign(filepath.Join(folder, p.name+".exe"), p.title); err != nil {
			return err
		}
	}
	return nil
}

// compile has the go command make all programs at once: it knows what they have
// in common, and links one while it compiles another.
func (r release) compile(arch, src, folder string) error {
	to, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid= -X msg/internal/cli.version=" + r.version, "-o", to}
	for _, p := range programs {
		args = append(args, "./cmd/"+p.name)
	}
	cmd := exec.Command(r.gocmd, args...)
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	if _, err := run(cmd); err != nil {
		return fmt.Errorf("building the programs: %w", err)
	}
	return nil
}

// take copies the programs of -programs.
func (r release) take(folder string) error {
	for _, p := range programs {
		name := p.name + ".exe"
		if err := copyFile(filepath.Join(r.programs, name), filepath.Join(folder, name)); err != nil {
			return fmt.Errorf("taking the programs: %w", err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}
