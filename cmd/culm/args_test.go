package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestFlagsFirst(t *testing.T) {
	var c struct {
		Level string
		Run   struct {
			Fast  bool     `short:"f"`
			Out   string   `short:"o"`
			Files []string `arg:""`
		} `cmd:""`
		Show struct {
			Map struct {
				Size string
			} `cmd:"" default:"withargs"`
		} `cmd:""`
	}
	parser := kong.Must(&c)
	for args, want := range map[string]string{
		"":                           "",
		"run":                        "run",
		"run a b":                    "run -- a b",
		"run a --out x b":            "run --out x -- a b",
		"run a --out=x b":            "run --out=x -- a b",
		"run a --fast b":             "run --fast -- a b",
		"run a -f b -o x c":          "run -f -o x -- a b c",
		"run a -ox b":                "run -ox -- a b",
		"run a - --fast":             "run --fast -- a -",
		"run a --out x -- -1 --fast": "run --out x -- a -1 --fast",
		"--level x run a":            "run --level x -- a",
		"run a --level x b":          "run --level x -- a b",
		"run a --unknown b":          "run --unknown -- a b",
		"run a --out":                "run --out -- a",
		"run run":                    "run -- run",
		"walk run":                   "-- walk run",
		"run --help":                 "run --help",
		"run a -12.5 --out x":        "run --out x -- a -12.5",
		"run --out -3 a":             "run --out -3 -- a",
		"show --size 3":              "show --size 3",
		"show map --size 3":          "show map --size 3",
	} {
		got := strings.Join(flagsFirst(parser.Model.Node, strings.Fields(args)), " ")
		if got != want {
			t.Errorf("%q becomes %q, want %q", args, got, want)
		}
	}
}
