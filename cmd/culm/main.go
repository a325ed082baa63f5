// Command culm runs servers of distributed objects and works with DC files.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/cluster"
)

// What the process exits with.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli is the command line. A command is a struct in a file of its own, with a
// method Run(ctx context.Context, e *env) error.
type cli struct {
	LogLevel  string `default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"Least important messages to log: debug, info, warn or error (${default})."`
	LogFormat string `default:"text" enum:"text,json" placeholder:"FORMAT" help:"How to log to standard error: text or json (${default})."`

	Lan   lanCommand   `cmd:"" help:"Serve a game over the protocol of ServerRepository."`
	Serve serveCommand `cmd:"" help:"Serve a game as Astron does: message director, state servers, client agents, event logger."`
	Init  initCommand  `cmd:"" help:"Make the folder of a new game that runs at once."`
	Demo  demoCommand  `cmd:"" help:"Show at once what culm does."`
	Bots  botsCommand  `cmd:"" help:"Play many clients against a server, and check what they see."`
	DC    dcCommands   `cmd:"" name:"dc" help:"Work with DC files."`

	Help    helpCommand    `cmd:"" help:"Explain a command, or list all of them."`
	Version versionCommand `cmd:"" help:"Say which version this is and what it was built from."`
}

// env is what a command may touch of the world outside.
type env struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer // for progress; results go to stdout, errors are returned
	log    *slog.Logger
}

// usageError says that a command was called in a wrong way, which only the
// command itself could see.
type usageError struct{ error }

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main with everything it touches as arguments. It returns the exit
// status. A serving command drains and returns when ctx is done.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	helped := false
	out := &errorWriter{w: stdout}
	parser := kong.Must(&c,
		kong.Name("culm"),
		kong.Description("Distributed objects for Panda3D games: servers, and tools for DC files."),
		kong.Writers(out, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.Exit(func(int) { helped = true }), // only --help exits
	)
	parsed, err := parser.Parse(flagsFirst(parser.Model.Node, args))
	if out.err != nil { // the help did not reach its reader
		fmt.Fprintf(stderr, "culm: %v\n", out.err)
		return exitFailed
	}
	if helped {
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(stderr, "culm: %v\n", err)
		if parseError, ok := errors.AsType[*kong.ParseError](err); ok {
			fmt.Fprintln(stderr, usageHint(parseError.Context))
		}
		return exitUsage
	}

	e := &env{stdin: stdin, stdout: out, stderr: stderr, log: newLog(stderr, c.LogFormat, c.LogLevel)}
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(e, parser)
	if err == nil {
		err = out.err
	}
	if err == nil {
		return exitDone
	}
	prefix := "culm: "
	_, inDC := errors.AsType[dc.ErrorList](err)
	_, inConfig := errors.AsType[cluster.Errors](err)
	if inDC || inConfig {
		prefix = "" // it begins with file:line, as editors like it
	}
	fmt.Fprintf(stderr, "%s%v\n", prefix, err)
	if _, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintln(stderr, usageHint(parsed))
		return exitUsage
	}
	return exitFailed
}

// usageHint says where to read on after an error in the command line that was
// parsed as far as c.
func usageHint(c *kong.Context) string {
	command := "culm"
	if node := c.Selected(); node != nil {
		command = node.FullPath()
	}
	return fmt.Sprintf("Run \"%s --help\" to see how.", command)
}

// newLog takes a format and level that the parser has checked.
func newLog(w io.Writer, format, level string) *slog.Logger {
	options := &slog.HandlerOptions{Level: map[string]slog.Level{
		"debug": slog.LevelDebug,
		"info":  slog.LevelInfo,
		"warn":  slog.LevelWarn,
		"error": slog.LevelError,
	}[level]}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// errorWriter remembers the first error, so that a result that did not reach
// its reader (a full disk, a closed pipe) makes the command fail.
type errorWriter struct {
	w   io.Writer
	err error
}

func (w *errorWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("cannot write to standard output: %w", err)
	}
	return n, err
}
