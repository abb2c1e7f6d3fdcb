package control

import (
	"fmt"
	"io/fs"
	"testing"
)

func TestPipeDescriptor(t *testing.T) {
	for _, c := range []struct {
		own  string
		mode fs.FileMode
		want string
	}{
		{sidSystem, 0o666, "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x12019b;;;AU)"},
		{sidSystem, 0o660, "D:P(A;;GA;;;SY)(A;;GA;;;BA)"},
		{sidLocalService, 0o666, "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;S-1-5-19)(A;;0x12019b;;;AU)"},
	} {
		if got := pipeDescriptor(c.own, c.mode); got != c.want {
			t.Errorf("%s, %o: %s, want %s", c.own, c.mode, got, c.want)
		}
	}
	const createInstance = 0x4
	if fmt.Sprintf("%#x", pipeRights) != pipeRightsHex || pipeRights&createInstance != 0 {
		t.Errorf("a client has the rights %#x, written %s", pipeRights, pipeRightsHex)
	}
}

func TestMayServe(t *testing.T) {
	const self, other = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"
	for owner, want := range map[string]bool{
		sidSystem: true, sidAdministrators: true, sidLocalService: true, self: true,
		other: false, "S-1-1-0": false, "": false,
	} {
		if got := mayServe(owner, self); got != want {
			t.Errorf("%s: %v", owner, got)
		}
	}
}
