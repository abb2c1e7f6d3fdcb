package tsts

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"msg/internal/wts"
)

// handle is 0, 1, 2 ... 19.
var handle = Handle(sequence(20))

func sequence(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

const handleHex = "000102030405060708090a0b0c0d0e0f10111213"

// when is a moment that a FILETIME has exactly.
var when = time.Date(2026, 11, 24, 15, 4, 5, 1234500, time.UTC)

// zeros is n zero bytes in hex.
func zeros(n int) string { return strings.Repeat("00", n) }

// bodies are values and their bytes, both written by hand from the interface
// ([MS-TSTS] 6.1 to 6.3) and [C706] 14.
var bodies = []struct {
	name string
	body Body
	data string // hex; spaces are for people
}{
	{"Nothing", &Nothing{}, ""},
	{"HandleArgs", &HandleArgs{handle}, handleHex},
	{"HandleResult", &HandleResult{handle, StatusFileNotFound}, handleHex + "02000780"},
	{"StatusResult", &StatusResult{StatusAccessDenied}, "05000780"},
	{"SessionArgs", &SessionArgs{-2}, "feffffff"},
	{"FilterArgs", &FilterArgs{handle, wts.Disconnected, true}, handleHex + "04000000 01000000"},
	{"EnumArgs", &EnumArgs{handle, 1}, handleHex + "01000000"},
	{
		"EnumResult at level 1", &EnumResult{1, []Entry{{ID: 1, State: wts.Active, Name: "Console"}, {ID: 65536, State: wts.Listen}}, 0},
		"00000200 02000000" +
			"01000000 01000000 01000000 00000000 43006f006e0073006f006c006500" + zeros(52) + "0000" +
			"01000000 01000000 00000100 06000000" + zeros(66) + "0000" +
			"02000000 00000000",
	},
	{
		"EnumResult at level 2", &EnumResult{2, []Entry{{ID: 1, Name: "a", Source: 3, FullDesktop: true, Kind: [16]byte(sequence(16))}}, 0},
		"00000200 01000000" +
			"02000000 02000000 01000000 00000000 6100" + zeros(64) + "0000 03000000 01000000 000102030405060708090a0b0c0d0e0f" +
			"01000000 00000000",
	},
	{
		"EnumResult at level 3", &EnumResult{3, []Entry{{ID: 1, Name: "a"}}, 0},
		"00000200 01000000" +
			"03000000 03000000 01000000 00000000 6100" + zeros(64) + "0000" + zeros(4+4+16) + "00000000 00000000" +
			"01000000 00000000",
	},
	{"EnumResult that failed", &EnumResult{Status: StatusAccessDenied}, "00000000 00000000 05000780"},
	{"AllArgs", &AllArgs{2}, "02000000"},
	{
		"AllResult at level 1", &AllResult{1, []Environment{{ID: 2, State: wts.Disconnected, Name: "x"}}, 0},
		"01000000 00000200 01000000 01000000 01000000 02000000 04000000 7800" + zeros(64) + "0000 01000000 00000000",
	},
	{
		"AllResult at level 2", &AllResult{2, []Environment{{2, wts.Active, "x", 7, "h", "u", "d", "f"}}, 0},
		"02000000 00000200 01000000 02000000 02000000 02000000 00000000 7800" + zeros(64) + "0000 07000000" +
			"6800" + zeros(64) + "7500" + zeros(64) + "6400" + zeros(64) + "6600" + zeros(64) + "01000000 00000000",
	},
	{
		"UserResult", &UserResult{"bob", "CO", 0},
		"00000200 04000000 00000000 04000000 62006f0062000000 04000200 03000000 00000000 03000000 43004f000000 0000 00000000",
	},
	{"NameResult", &NameResult{"tty1", 0}, "00000200 05000000 00000000 05000000 74007400790031000000 0000 00000000"},
	{"StateResult", &StateResult{wts.Listen, 0}, "06000000 00000000"},
	{
		"BoxArgs", &BoxArgs{handle, "ä", "😀\r\n", wts.StyleYesNo, 60, true},
		handleHex + "02000000 00000000 02000000 e4000000 05000000 00000000 05000000 3dd800de0d000a000000 0000 04000000 3c000000 01000000",
	},
	{"BoxResult", &BoxResult{wts.ResponseAsync, 0}, "017d0000 00000000"},
	{"TimesResult", &TimesResult{when, time.Time{}, when, 0}, whenHex + zeros(8) + whenHex + "00000000"},
	{
		"InfoResult", &InfoResult{"a", "", "b", wts.Active, true, when, time.Time{}, when, 0},
		"00000200 04000200 08000200 00000000 01000000 00000000" + whenHex + zeros(8) + whenHex +
			"02000000 00000000 02000000 61000000" + "01000000 00000000 01000000 0000 0000" + "02000000 00000000 02000000 62000000 00000000",
	},
	{"CountResult", &CountResult{2, 3, 0}, "02000000 03000000 00000000"},
	{"TypeResult", &TypeResult{TypeDesktop, 0}, "03000000 00000000"},
	{"InfoExArgs", &InfoExArgs{3, 1}, "03000000 01000000"},
	{
		"InfoExResult", &InfoExResult{wts.Active, FlagsUnknown, "n", "d", "u", when, time.Time{}, when, when, 0},
		"01000000 01000000 00000000 ffffffff 6e00" + zeros(64) + "6400" + zeros(34) + "7500" + zeros(40) + zeros(0) +
			whenHex + zeros(8) + whenHex + whenHex + "00000000 00000000 00000000",
	},
	{"DataResult", &DataResult{[]byte{1, 2, 3}, 0}, "00000200 03000000 010203 00 03000000 00000000"},
	{"DataResult with nothing", &DataResult{nil, StatusFileNotFound}, "00000000 00000000 02000780"},
	{
		"AddressResult of IPv4", &AddressResult{netip.MustParseAddrPort("192.0.2.1:3389"), 0},
		"0200 0200 3d0d 0000 c0000201" + zeros(8) + "00000000",
	},
	{
		"AddressResult of IPv6", &AddressResult{netip.MustParseAddrPort("[2001:db8::1]:1"), 0},
		"1700 1700 0100 0000 00000000 20010db8000000000000000000000001 00000000 00000000",
	},
	{"AddressResult with nothing", &AddressResult{Status: StatusFileNotFound}, "0200 0200 0000 0000 00000000" + zeros(8) + "02000780"},
	{"IcaOpenResult", &IcaOpenResult{0, handle, true}, "00000000" + handleHex + "01"},
	{"IcaResult", &IcaResult{NTInvalidHandle, false}, "080000c0 00"},
	{"IcaCloseResult", &IcaCloseResult{Handle{}, 0, true}, zeros(20) + "00000000 01"},
	{"IcaEnumArgs", &IcaEnumArgs{handle, 1<<32 - 1, 6, 2}, handleHex + "ffffffff 00000200 06000000" + zeros(6) + "0000 06000000 02000000"},
	{"IcaEnumArgs without a buffer", &IcaEnumArgs{Handle: handle}, handleHex + zeros(16)},
	{
		"IcaEnumResult", &IcaEnumResult{0, []Entry{{ID: 1, State: wts.Disconnected, Name: "c"}}, 1, true},
		"00000000 01000000 00000200 4c000000 01000000 6300" + zeros(64) + "0000 04000000 4c000000 01000000 01",
	},
	{"IcaEnumResult at the end", &IcaEnumResult{NTNoMoreEntries, nil, 3, false}, "1a000080" + zeros(4+4+4) + "03000000 00"},
	{
		"IcaSendArgs", &IcaSendArgs{handle, 1, "ä", "ab", 0, 9, true},
		handleHex + "01000000 02000000 e400 0000 02000000 04000000 61006200 00000000 04000000 00000000 09000000 01",
	},
	{"IcaSendResult", &IcaSendResult{0, wts.ResponseTimeout, true}, "00000000 007d0000 01"},
	{"IcaNameArgs", &IcaNameArgs{handle, "ab"}, handleHex + "03000000 610062000000 0000 03000000"},
	{"IcaIDResult", &IcaIDResult{0, 5, true}, "00000000 05000000 01"},
	{"IcaIDArgs", &IcaIDArgs{handle, 5, 3}, handleHex + "05000000 03000000 000000000000 0000 03000000"},
	{"IcaNameResult", &IcaNameResult{0, "ab", 3, true}, "00000000 03000000 610062000000 01"},
	{
		"IcaQueryArgs", &IcaQueryArgs{handle, 1, ClassInformation, 4},
		handleHex + "01000000 08000000 00000200 04000000 00000000 04000000",
	},
	{"IcaQueryResult", &IcaQueryResult{0, []byte{1, 2, 3}, 3, true}, "00000000 00000200 03000000 010203 00 03000000 01"},
	{"IcaQueryResult with nothing", &IcaQueryResult{NTInvalidInfoClass, nil, 0, false}, "030000c0 00000000 00000000 00"},
}

// whenHex is when in the bytes of the wire: 134400062450012345 of 100 ns.
const whenHex = "b9901f0c257cdd01"

func TestBytes(t *testing.T) {
	for _, c := range bodies {
		want, err := hex.DecodeString(strings.ReplaceAll(c.data, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := Marshal(c.body); !bytes.Equal(got, want) {
			t.Errorf("%s is\n%x, want\n%x", c.name, got, want)
		}
		for _, behind := range []int{0, 1, 20} { // what follows is ignored
			got := blank(c.body)
			if err := Unmarshal(append(bytes.Clone(want), make([]byte, behind)...), got); err != nil || !reflect.DeepEqual(got, c.body) {
				t.Errorf("%s is read as %+v, %v, want %+v", c.name, got, err, c.body)
			}
		}
		for n := range want {
			if got := blank(c.body); Unmarshal(want[:n], got) == nil {
				t.Errorf("%s: %d bytes of %d are read as %+v", c.name, n, len(want), got)
			}
		}
	}
}

// blank is an empty body of the same type.
func blank(b Body) Body { return reflect.New(reflect.TypeOf(b).Elem()).Interface().(Body) }
