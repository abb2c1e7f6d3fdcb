package hostname

import (
	"os"
	"slices"
	"testing"
)

func TestIsLocal(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".", "localhost", "LOCALHOST", `\\.`, "127.0.0.1", "127.1.2.3", "::1", "[::1]", own, own + ".", `\\` + own} {
		if !IsLocal(name) {
			t.Errorf("IsLocal(%q) = false", name)
		}
	}
	for _, name := range []string{"", "web1.example", "192.0.2.7", "ssh://localhost", "localhostx"} {
		if IsLocal(name) {
			t.Errorf("IsLocal(%q) = true", name)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"web1", "WEB1", true},
		{"web1", "web1.corp.example", true},
		{"web1.corp.example", "web1", true},
		{"web1.a.example", "web1.b.example", false},
		{"web1", "web2", false},
	} {
		if got := same(c.a, c.b); got != c.want {
			t.Errorf("same(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

func TestDistinct(t *testing.T) {
	got := Distinct([]string{"web1", "localhost", "WEB1", "127.0.0.1", "web2", "."})
	if want := []string{"web1", "localhost", "web2"}; !slices.Equal(got, want) {
		t.Errorf("Distinct = %q, want %q", got, want)
	}
}
