package lab

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"
	"time"
)

//go:embed buttons.sh
var buttonsScript string

// WaitButton returns where the button with that name is, as soon as there is
// one, and not a second one. The buttons are those that programs tell a screen reader of: all of GTK,
// and so those of xfce4-notifyd, and all of GNOME Shell, but not those of a
// program that draws its own. Nor are those right of a window of Wayland, whose
// program does not know where it is.
func (d *Display) WaitButton(name string, timeout time.Duration) (image.Rectangle, error) {
	d.t.Helper()
	ctx, cancel := within(d.t, timeout)
	defer cancel()
	var seen map[string][]image.Rectangle
	err := poll(ctx, func() bool {
		seen = d.buttons()
		return len(seen[name]) == 1
	})
	if err != nil {
		return image.Rectangle{}, fmt.Errorf("display of %s: no button %q, or not one alone: %w; there are %v",
			d.User, name, err, seen)
	}
	return seen[name][0], nil
}

// buttons returns the buttons by their names.
func (d *Display) buttons() map[string][]image.Rectangle {
	d.t.Helper()
	// A program that ends while it is asked makes an error, and is no button.
	r := d.Run(d.t.Context(), "sh", "-c", buttonsScript)
	buttons, err := parseButtons(r.Stdout)
	if err != nil {
		d.t.Fatalf("lab: buttons on the display of %s: %v\n%s%s", d.User, err, r.Stdout, r.Stderr)
	}
	return buttons
}

// parseButtons reads the answers of busctl for one button after another: a
// string in a variant, and an array of x, y, width, height.
func parseButtons(text string) (map[string][]image.Rectangle, error) {
	buttons := map[string][]image.Rectangle{}
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		var name struct{ Data []struct{ Data string } }
		var extents struct{ Data [][]int }
		err := dec.Decode(&name)
		if errors.Is(err, io.EOF) {
			return buttons, nil
		}
		if err == nil {
			err = dec.Decode(&extents)
		}
		if err != nil {
			return nil, err
		}
		if len(name.Data) != 1 || len(extents.Data) != 1 || len(extents.Data[0]) != 4 {
			return nil, fmt.Errorf("a button without a name or an area: %+v %+v", name, extents)
		}
		e := extents.Data[0]
		label := name.Data[0].Data
		buttons[label] = append(buttons[label], image.Rect(e[0], e[1], e[0]+e[2], e[1]+e[3]))
	}
}
