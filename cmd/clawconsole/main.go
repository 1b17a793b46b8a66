// Clawconsole is a Telegram operator console for OpenClaw: one static binary
// beside the gateway, so that it still works when the gateway does not.
//
// The command line is a kong grammar in this file; config.go reads the
// configuration, wire.go makes a console of it, serve.go keeps consoles running, and
// most other files hold one subcommand each. No rule about who may do what is here.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"clawconsole/exec"
)

// cli is the grammar of the command line.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the console."`
	Demo    demoCmd    `cmd:"" help:"Run a console against an embedded Telegram and a real OpenClaw gateway."`
	Doctor  doctorCmd  `cmd:"" help:"Check a configuration against the world."`
	Audit   auditCmd   `cmd:"" help:"Read and verify the record."`
	Redact  redactCmd  `cmd:"" help:"Copy standard input to standard output without its secrets."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// env is what a subcommand may touch of the process. Nothing else reads the
// environment or the standard streams.
type env struct {
	Vars           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// exitCode ends the process with that code and no further words.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() {
	exec.Supervise() // this process may be the supervisor of a command: see package exec
	os.Exit(run(os.Args[1:], &env{os.Environ(), os.Stdin, os.Stdout, os.Stderr}))
}

func run(args []string, e *env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	exit := -1
	parser := kong.Must(&c,
		kong.Name("clawconsole"),
		kong.Description("A Telegram operator console for OpenClaw. It runs beside the gateway, so it still works when the gateway does not."),
		kong.Writers(e.Stdout, e.Stderr),
		kong.Exit(func(code int) { exit = code; panic(exitCode(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(e),
	)
	code := func() (code int) {
		defer func() {
			if r := recover(); r != nil {
				if _, ours := r.(exitCode); !ours {
					panic(r)
				}
				code = exit
			}
		}()
		k, err := parser.Parse(args)
		if err != nil {
			fmt.Fprintf(e.Stderr, "clawconsole: %s\n\t%s --help shows what it takes\n", err, wanted(err))
			return misused
		}
		err = k.Run()
		var ec exitCode
		switch {
		case err == nil:
			return 0
		case errors.As(err, &ec):
			return int(ec)
		}
		fmt.Fprintf(e.Stderr, "clawconsole: %s\n", err)
		return 1
	}()
	return code
}

// misused is the exit code for a command line that is none. It is none of those
// that a subcommand has. Source: EX_USAGE of sysexits(3).
const misused = 64

// wanted is the command of a command line, as far as it could be read.
func wanted(err error) string {
	var pe *kong.ParseError
	if errors.As(err, &pe) {
		if n := pe.Context.Selected(); n != nil {
			return n.FullPath()
		}
	}
	return "clawconsole"
}

// version is set by the linker.
var version = "dev"

type versionCmd struct{}

// Run prints the version, one line.
func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprintln(e.Stdout, "clawconsole", version)
	return err
}
