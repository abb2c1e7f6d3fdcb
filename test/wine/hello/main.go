// Command hello is the least that a Go program can do, to compare how long it
// takes to start.
package main

import "fmt"

func main() { fmt.Println("hello") }
