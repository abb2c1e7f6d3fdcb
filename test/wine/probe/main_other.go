//go:build !windows

package main

import "fmt"

func main() { fmt.Println("only for Windows") }
