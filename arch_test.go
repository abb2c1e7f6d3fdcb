package msg_test

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The shape of the tree, as DESIGN.md states it. A rule that is in the way is
// changed there and here together, with the reason. That each rule can fail is
// shown in arch_rules_test.go.

// module is the path of this module, see go.mod.
const module = "msg"

// source is one Go file of the tree. Files of all systems are read.
type source struct {
	path string // from the root, with slashes
	fset *token.FileSet
	file *ast.File
}

func parseSource(name string, content []byte) (source, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, content, parser.ParseComments|parser.SkipObjectResolution)
	return source{name, fset, file}, err
}

// dir is the folder of the file; "." is the root.
func (s source) dir() string { return path.Dir(s.path) }

// below reports whether the file is in one of these folders or deeper.
func (s source) below(dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return strings.HasPrefix(s.path, d+"/") })
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// at makes a finding: where, and what is wrong there.
func (s source) at(p token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.path, s.fset.Position(p).Line, fmt.Sprintf(format, args...))
}

// imports calls visit for each import of the file.
func (s source) imports(visit func(spec *ast.ImportSpec, path string)) {
	for _, spec := range s.file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			visit(spec, p)
		}
	}
}

// importsBelow finds imports of any of these paths, or of what is below them.
func (s source) importsBelow(why string, paths ...string) []string {
	var found []string
	s.imports(func(spec *ast.ImportSpec, imported string) {
		for _, p := range paths {
			if imported == p || strings.HasPrefix(imported, p+"/") {
				found = append(found, s.at(spec.Pos(), "imports %q: %s", imported, why))
			}
		}
	})
	return found
}

// uses finds names of a package that the file refers to, under whatever name
// it imports the package; an import with a dot is found as such.
func (s source) uses(imported string, names ...string) []string {
	local := ""
	var found []string
	s.imports(func(spec *ast.ImportSpec, p string) {
		switch {
		case p != imported:
		case spec.Name == nil:
			local = path.Base(p)
		case spec.Name.Name == ".":
			found = append(found, s.at(spec.Pos(), "imports %q with a dot, which hides what is used of it", p))
		default:
			local = spec.Name.Name
		}
	})
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && local != "" {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && slices.Contains(names, sel.Sel.Name) {
				found = append(found, s.at(sel.Pos(), "uses %s.%s", imported, sel.Sel.Name))
			}
		}
		return true
	})
	return found
}

// rule is one rule of DESIGN.md with its check, which is a pure function of
// the files.
type rule struct {
	number int
	says   string
	check  func([]source) []string
}

var rules = []rule{
	{1, "the root package imports the standard library only", each(rootImports)},
	{2, "host, control, fleet and tsts import neither one another nor daemon, and dialog and stations none of these", each(hostImports)},
	{3, "each foreign library is used in one place", each(libraries)},
	{4, "only cmd/ reads the environment, parses flags, handles signals or exits", each(processState)},
	{5, "files for one system only where systems differ, and no cgo", each(systems)},
	{6, "hosttest is imported by tests only", each(testHelpers)},
	{7, "every package and every exported name has a comment", comments},
}

// each makes a check of all files out of a check of one.
func each(check func(source) []string) func([]source) []string {
	return func(files []source) []string {
		var found []string
		for _, s := range files {
			found = append(found, check(s)...)
		}
		return found
	}
}

func rootImports(s source) []string {
	if s.dir() != "." || s.isTest() {
		return nil
	}
	var found []string
	s.imports(func(spec *ast.ImportSpec, p string) {
		first, _, _ := strings.Cut(p, "/")
		if first == module || strings.Contains(first, ".") || p == "C" {
			found = append(found, s.at(spec.Pos(), "imports %q, which is not in the standard library", p))
		}
	})
	return found
}

func hostImports(s source) []string {
	apart := []string{"internal/host", "internal/control", "internal/fleet", "internal/tsts"}
	var found []string
	for _, own := range apart {
		if !s.below(own) {
			continue
		}
		for _, other := range append(apart, "internal/daemon") {
			if other != own {
				found = append(found, s.importsBelow(own+" stays apart from it", module+"/"+other)...)
			}
		}
	}
	// A window knows nothing of what it is for, nor what decides about Windows'
	// sessions whose calls they are.
	for _, own := range []string{"internal/dialog", "internal/stations"} {
		if !s.below(own) {
			continue
		}
		for _, other := range append(apart, "internal/daemon") {
			found = append(found, s.importsBelow(own+" stays apart from it", module+"/"+other)...)
		}
	}
	return found
}

// homes says where foreign libraries may be used, tests included.
var homes = []struct {
	paths []string
	in    []string
}{
	{[]string{"github.com/godbus"}, []string{"internal/host", "internal/hosttest"}},
	{[]string{"github.com/jezek"}, []string{"internal/host", "internal/dialog", "internal/hosttest"}},
	{[]string{"github.com/nats-io"}, []string{"internal/fleet"}},
	{[]string{"github.com/cloudsoda/go-smb2", "github.com/hirochachacha/go-smb2", "github.com/jcmturner"}, []string{"internal/tsts", "internal/dcerpc"}},
	{[]string{"golang.org/x/crypto"}, []string{"internal/dcerpc"}}, // MD4 is for NTLM only
	{[]string{"go.etcd.io/bbolt", "github.com/pelletier/go-toml", "github.com/prometheus"}, []string{"internal/daemon"}},
	{[]string{"github.com/coreos/go-systemd"}, []string{"cmd/msgd"}},
}

func libraries(s source) []string {
	var found []string
	for _, h := range homes {
		if !s.below(h.in...) {
			found = append(found, s.importsBelow("it belongs in "+strings.Join(h.in, " and "), h.paths...)...)
		}
	}
	return found
}

func processState(s source) []string {
	if s.isTest() || s.below("cmd", "test", "dist") { // test/ and dist/ have programs that tests and packages need
		return nil
	}
	names := []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Clearenv", "Exit"}
	found := append(s.uses("syscall", names...), s.uses("golang.org/x/sys/unix", names...)...)
	// The helper process is the same program run again: how it was called is
	// how it knows that it is one.
	if s.path != "internal/host/host.go" && s.path != "internal/host/asuser_linux.go" {
		names = append(names, "Args")
	}
	found = append(found, s.uses("os", names...)...)
	found = append(found, s.uses("log", "Fatal", "Fatalf", "Fatalln")...)
	return append(found, s.importsBelow("only cmd/ does", "flag", "os/signal")...)
}

func systems(s source) []string {
	found := s.importsBelow("there is no cgo", "C")
	if s.below("internal/host", "internal/wts", "internal/console", "internal/control", "internal/login", "cmd", "internal/hosttest", "test") {
		return found
	}
	name := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".go"), "_test")
	for i, part := range strings.Split(name, "_") {
		if i > 0 && isSystem(part) {
			found = append(found, s.at(s.file.Package, "is for %s only, by its name", part))
		}
	}
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			if expr, err := constraint.Parse(c.Text); err == nil && c.Pos() < s.file.Package {
				expr.Eval(func(tag string) bool { // sees every tag
					if isSystem(tag) || tag == "unix" || tag == "cgo" {
						found = append(found, s.at(c.Pos(), "has the build constraint %s", tag))
					}
					return true
				})
			}
		}
	}
	return found
}

// isSystem knows the values of GOOS; the list is that of go tool dist list and
// the names that Go keeps for others.
func isSystem(tag string) bool {
	return slices.Contains([]string{
		"aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd",
		"openbsd", "plan9", "solaris", "wasip1", "windows", "zos",
	}, tag)
}

func testHelpers(s source) []string {
	if s.isTest() || s.below("test", "internal/hosttest") {
		return nil
	}
	return s.importsBelow("it is for tests", module+"/internal/hosttest")
}

func comments(files []source) []string {
	var found []string
	documented, first := map[string]bool{}, map[string]source{}
	for _, s := range files {
		if s.isTest() {
			continue
		}
		if _, ok := first[s.dir()]; !ok {
			first[s.dir()] = s
		}
		documented[s.dir()] = documented[s.dir()] || s.file.Doc.Text() != ""
		for _, d := range s.file.Decls {
			found = append(found, uncommented(s, d)...)
		}
	}
	for dir, s := range first {
		if !documented[dir] {
			found = append(found, s.at(s.file.Package, "package %s has no comment", s.file.Name.Name))
		}
	}
	slices.Sort(found)
	return found
}

// uncommented finds the exported names of one declaration without a comment.
// A comment over a group of constants or variables is enough for all of them.
func uncommented(s source, d ast.Decl) []string {
	var found []string
	missing := func(id *ast.Ident, docs ...*ast.CommentGroup) {
		has := slices.ContainsFunc(docs, func(g *ast.CommentGroup) bool { return g.Text() != "" })
		if id.IsExported() && !has {
			found = append(found, s.at(id.Pos(), "%s has no comment", id.Name))
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type)) {
			missing(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				docs := []*ast.CommentGroup{spec.Doc}
				if !d.Lparen.IsValid() {
					docs = append(docs, d.Doc)
				}
				missing(spec.Name, docs...)
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					missing(id, d.Doc, spec.Doc, spec.Comment)
				}
			}
		}
	}
	return found
}

// receiver is the name of the type that a method belongs to.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.ParenExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// tree reads all Go files of the module.
func tree(t *testing.T) []source {
	t.Helper()
	var files []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")
			if name != "." && (hidden || d.Name() == "testdata" || d.Name() == "vendor") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		s, err := parseSource(filepath.ToSlash(name), content)
		if err == nil {
			files = append(files, s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestArchitecture(t *testing.T) {
	gomod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if words := strings.Fields(string(gomod)); len(words) < 2 || words[1] != module {
		t.Fatalf("the module is not %q any more: change the constant here", module)
	}
	files := tree(t)
	for _, name := range []string{"msg.go", "cmd/msg/main.go", "internal/cli/options.go", "internal/host/host_other.go"} {
		if !slices.ContainsFunc(files, func(s source) bool { return s.path == name }) {
			t.Errorf("%s was not read: the rules do not see the whole tree", name)
		}
	}
	for _, r := range rules {
		for _, finding := range r.check(files) {
			t.Errorf("%s\n\tagainst rule %d: %s", finding, r.number, r.says)
		}
	}
}
