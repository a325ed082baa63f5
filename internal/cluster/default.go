package cluster

import "strings"

// withoutFile is what runs when there is no file: all roles on their default
// ports. Only clients come from other machines.
const withoutFile = `
general:
  eventlogger: 127.0.0.1
messagedirector:
  bind: 127.0.0.1
roles:
  - type: stateserver
    control: 4002
  - type: clientagent
    channels: {min: 1000000000, max: 1009999999}
    limits: {max_clients: 4000, max_clients_per_address: 100}
  - type: eventlogger
    bind: 127.0.0.1
`

// Default returns the configuration of "culm serve game.dc": one state
// server on channel 4002, a client agent on port 7198 for up to 4000 clients,
// 100 of them from one address, and, for this machine only, a message director on
// port 7199 and an event logger on port 7197, whose files are in the working
// directory.
func Default(dcFiles ...string) *Config {
	c, err := Parse("", []byte(strings.TrimSpace(withoutFile)))
	if err != nil {
		panic(err) // a test parses it
	}
	c.General.DCFiles = dcFiles
	c.lines = nil
	return c
}
