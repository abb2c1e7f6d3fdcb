// Command dialog shows a dialog on the X server of DISPLAY, to look at it:
//
//	go run ./test/dialog -buttons Yes,No -time 30s "Title" "Text"
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"msg/internal/dialog"
)

func main() {
	r := dialog.Request{By: "alice on dione, 24 November 2025 11:08"}
	buttons := flag.String("buttons", "OK", "labels, with commas between them")
	flag.StringVar(&r.By, "by", r.By, "the line below the title")
	flag.DurationVar(&r.Timeout, "time", 0, "when the window goes down")
	flag.IntVar(&r.Position, "position", 0, "how far it is moved")
	flag.Parse()
	r.Title, r.Text, r.Buttons = flag.Arg(0), flag.Arg(1), strings.Split(*buttons, ",")
	env := dialog.Env{Display: os.Getenv("DISPLAY"), Xauthority: os.Getenv("XAUTHORITY"), Home: os.Getenv("HOME")}
	begin := time.Now()
	result, err := dialog.Show(context.Background(), env, r, func(missing []rune) {
		fmt.Printf("shown after %v, missing %q\n", time.Since(begin), missing)
	})
	fmt.Println(result.Outcome, result.Button, err)
}
