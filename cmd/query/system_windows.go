package main

import "msg/internal/host"

// openRPC opens another Windows computer.
var openRPC = host.OpenServer
