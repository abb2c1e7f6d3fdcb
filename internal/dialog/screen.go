package dialog

import (
	"image"
	"math"
	"strconv"
	"strings"

	"github.com/jezek/xgb/xinerama"
	"github.com/jezek/xgb/xproto"
)

// geometry is where a window may be, and how large things are drawn.
type geometry struct {
	monitor image.Rectangle // the first one, which is the primary
	scale   float64         // 1 at 96 dots per inch
}

// maxResources bounds the resources that are searched for Xft.dpi, in bytes.
const maxResources = 1 << 18

func (s *server) geometry() geometry {
	return geometry{s.monitor(), scale(s.resources(), s.screen)}
}

// monitor asks Xinerama, which every server with several monitors speaks, and
// which puts the primary first.
func (s *server) monitor() image.Rectangle {
	whole := image.Rect(0, 0, int(s.screen.WidthInPixels), int(s.screen.HeightInPixels))
	if xinerama.Init(s.conn) != nil {
		return whole
	}
	r, err := xinerama.QueryScreens(s.conn).Reply()
	if err != nil || len(r.ScreenInfo) == 0 {
		return whole
	}
	m := r.ScreenInfo[0]
	first := image.Rect(0, 0, int(m.Width), int(m.Height)).Add(image.Pt(int(m.XOrg), int(m.YOrg))).Intersect(whole)
	if first.Empty() {
		return whole
	}
	return first
}

// resources returns what xrdb(1) and desktops leave for all programs.
func (s *server) resources() string {
	r, err := xproto.GetProperty(s.conn, false, s.screen.Root, xproto.AtomResourceManager, xproto.AtomString, 0, maxResources/4).Reply()
	if err != nil || r.Format != 8 {
		return ""
	}
	return string(r.Value)
}

// scale takes what the desktop says. Else the size of the screen counts if it
// is plausible and dense; servers mostly invent one that fits 96.
func scale(resources string, screen *xproto.ScreenInfo) float64 {
	dpi := xftDPI(resources)
	if mm := float64(screen.WidthInMillimeters); dpi == 0 && mm > 0 {
		if physical := float64(screen.WidthInPixels) * 25.4 / mm; physical >= 144 && physical <= 400 {
			dpi = physical
		}
	}
	quarters := math.Round(dpi / 96 * 4)
	return min(max(quarters/4, 1), 4)
}

// xftDPI returns the value of Xft.dpi, or 0.
func xftDPI(resources string) float64 {
	for line := range strings.Lines(resources) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) != "Xft.dpi" {
			continue
		}
		dpi, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err == nil && dpi >= 48 && dpi <= 1000 {
			return dpi
		}
	}
	return 0
}
