package main

import (
	"fmt"
	"os"
)

// fakeOpenClaw is the openclaw of the scripts.
func fakeOpenClaw() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println("OpenClaw 2026.9.6 (fake)")
		return
	}
	fmt.Println(`{"ok":false,"error":{"type":"cli_error","message":"Gateway not reachable"}}`)
	os.Exit(1)
}
