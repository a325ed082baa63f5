package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/cluster"
)

// serveCommand is "culm serve": what astrond is for a game, under the same
// flags.
type serveCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"A configuration in Astron's format (astrond.yml), or the game's .dc files: then all roles run with defaults."`

	Check    bool   `help:"Only say what is wrong with the configuration and the files that it names."`
	Loglevel string `short:"l" placeholder:"LEVEL" help:"As astrond's, in place of --log-level: packet, trace, debug, info, warning, security, error or fatal."`
	Log      string `short:"L" placeholder:"FILE" help:"Log to this file, too; it is emptied first."`
	Pretty   bool   `short:"p" help:"Accepted because astrond has it; the log has no colours."`
	Boring   bool   `short:"b" help:"The same."`

	serveFlags
}

// astronLevels are the levels of astrond's --loglevel. What Astron calls
// security is a warning about a peer.
var astronLevels = map[string]string{
	"packet": "debug", "trace": "debug", "debug": "debug", "info": "info",
	"warning": "warn", "security": "warn", "error": "error", "fatal": "error",
}

// Validate is called by the parser.
func (c *serveCommand) Validate() error {
	if _, ok := astronLevels[c.Loglevel]; !ok && c.Loglevel != "" {
		return fmt.Errorf("--loglevel: %q is not packet, trace, debug, info, warning, security, error or fatal", c.Loglevel)
	}
	return c.serveFlags.Validate()
}

// Run serves until it is interrupted.
func (c *serveCommand) Run(ctx context.Context, e *env, global *cli) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	if err := config.CheckFiles(); err != nil {
		return err
	}
	schema, err := dc.ParseFiles(config.General.DCFiles...)
	if err != nil {
		return err
	}
	if err := config.CheckSchema(schema); err != nil {
		return err
	}
	if c.Check {
		c.report(e.stdout, config, schema)
		return nil
	}
	if err := config.CheckRunnable(); err != nil {
		return err
	}

	log, closeLog, err := c.log(e, global)
	if err != nil {
		return err
	}
	defer closeLog()
	for _, w := range config.Warnings {
		log.Warn(w.Error())
	}
	server, err := cluster.New(config, schema, c.DrainTimeout, log)
	if err != nil {
		return err
	}
	r := role{serve: server.Serve, reload: server.Reload}
	for i, part := range server.Parts() {
		for _, addr := range part.Addrs {
			log.Info("serving", "role", part.Name, "addr", addr.String())
		}
		if i == 0 {
			r.name, r.stats = part.Name, part.Stats
			continue
		}
		r.others = append(r.others, counted{part.Name, part.Stats})
	}
	if c.Metrics == "" {
		c.Metrics = config.Daemon.Metrics
	}
	if err := c.serveFlags.run(ctx, log, r); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

// config reads the configuration, or makes the one for DC files.
func (c *serveCommand) config() (*cluster.Config, error) {
	files := c.Files
	if len(files) == 0 {
		files = []string{"astrond.yml"} // as astrond does
	}
	schemas := 0
	for _, f := range files {
		if strings.EqualFold(filepath.Ext(f), ".dc") {
			schemas++
		}
	}
	switch {
	case schemas == len(files):
		return cluster.Default(files...), nil
	case schemas > 0:
		return nil, usageErrorf("%s: either a configuration or .dc files; a configuration names its DC files in general.dc_files", strings.Join(files, " "))
	case len(files) > 1:
		return nil, usageErrorf("%s: one configuration at a time", strings.Join(files, " "))
	}
	config, err := cluster.Load(files[0])
	if os.IsNotExist(err) && len(c.Files) == 0 {
		return nil, usageErrorf("there is no astrond.yml here: name a configuration, or the game's .dc files")
	}
	return config, err
}

// log opens the log that the flags ask for.
func (c *serveCommand) log(e *env, global *cli) (*slog.Logger, func() error, error) {
	level := global.LogLevel
	if c.Loglevel != "" {
		level = astronLevels[c.Loglevel]
	}
	if c.Log == "" {
		return newLog(e.stderr, global.LogFormat, level), func() error { return nil }, nil
	}
	file, err := os.Create(c.Log)
	if err != nil {
		return nil, nil, err
	}
	return newLog(io.MultiWriter(e.stderr, file), global.LogFormat, level), file.Close, nil
}

// report says what a configuration without faults is.
func (c *serveCommand) report(w io.Writer, config *cluster.Config, schema *dc.Schema) {
	for _, warning := range config.Warnings {
		fmt.Fprintf(w, "warning: %v\n", warning)
	}
	if err, ok := errors.AsType[cluster.Errors](config.CheckRunnable()); ok {
		for _, fault := range err {
			fmt.Fprintf(w, "warning: %v\n", fault)
		}
	}
	var roles []string
	if config.MessageDirector.Bind != "" {
		roles = append(roles, "messagedirector")
	}
	for _, r := range config.Roles {
		roles = append(roles, r.Type)
	}
	if len(roles) == 0 {
		roles = []string{"none"}
	}
	fmt.Fprintf(w, "ok: roles %s; uberdogs %d; DC hash 0x%08x\n", strings.Join(roles, ", "), len(config.UberDOGs), schema.Hash())
}
