// Package cluster turns a configuration into running roles: message director,
// state servers, client agents and event loggers in one process.
//
// The configuration is Astron's YAML file with keys of our own beside
// Astron's; a file for Astron is a file for Culm. [Load] reads one, [Default]
// is what runs without one. Each role has a struct with its settings, all
// defaults filled in, that knows nothing of the role itself.
//
// The tags of these structs are the list of keys: they say a key's name, kind,
// default and meaning, and are what the file is checked against and what
// docs/cluster-keys.md is made from.
package cluster
