package cluster

import (
	"fmt"
	"net"
	"slices"

	"github.com/culm-net/culm/dc"
)

// Validate checks what concerns several keys, and returns all faults at once,
// as [Errors], by line. [Load] has done it; it is for configurations that a
// program has made or changed. It sets Warnings.
func (c *Config) Validate() error {
	c.Warnings = nil
	return c.check(false).err()
}

// check adds to the warnings and returns the faults. In a partial
// configuration what was wrong is zero, which is no fault then.
func (c *Config) check(partial bool) Errors {
	k := checker{c: c, partial: partial}
	k.uberdogs()
	k.messageDirector(&c.MessageDirector)
	for i, r := range c.Roles {
		path := fmt.Sprintf("roles[%d]", i)
		switch {
		case r.StateServer != nil:
			k.control(join(path, "control"), r.StateServer.Control)
		case r.ClientAgent != nil:
			k.clientAgent(path, r.ClientAgent)
		case r.EventLogger != nil:
			k.taken("udp", join(path, "bind"), r.EventLogger.Bind)
			k.once("output", join(path, "output"), r.EventLogger.Output)
		case r.Database != nil:
			k.control(join(path, "control"), r.Database.Control)
			k.order(join(path, "generate"), uint64(r.Database.Generate.Min), uint64(r.Database.Generate.Max), "no object can be made")
		case r.DBSS != nil:
			for j, ids := range r.DBSS.Ranges {
				k.order(fmt.Sprintf("%s.ranges[%d]", path, j), uint64(ids.Min), uint64(ids.Max), "it serves no object")
			}
		case !partial:
			k.fault(path, "the role has no settings: set the pointer of its type")
		}
	}
	k.taken("tcp", "daemon.metrics", c.Daemon.Metrics)
	c.Warnings = append(c.Warnings, k.warnings...)
	c.Warnings.sort()
	return k.faults
}

type checker struct {
	c        *Config
	partial  bool
	faults   Errors
	warnings Errors
	used     map[[2]string]string // what may be used once, and the path of who uses it

	agents     []ChannelRange // of client agents
	agentPaths []string       // theirs
}

func (k *checker) at(path, format string, args ...any) *Error {
	return &Error{k.c.File, k.c.line(path), path, fmt.Sprintf(format, args...)}
}

func (k *checker) fault(path, format string, args ...any) {
	k.faults = append(k.faults, k.at(path, format, args...))
}

func (k *checker) warn(path, format string, args ...any) {
	k.warnings = append(k.warnings, k.at(path, format, args...))
}

// line is the line of a path in the file, or of what is around it, or 0.
func (c *Config) line(path string) int {
	for path != "" {
		if line := c.lines[path]; line > 0 {
			return line
		}
		end := len(path) - 1
		for end > 0 && path[end] != '.' && path[end] != '[' {
			end--
		}
		path = path[:end]
	}
	return 0
}

// first notes that a path uses something, and returns who did so before.
func (k *checker) first(what, value, path string) string {
	if k.used == nil {
		k.used = make(map[[2]string]string)
	}
	key := [2]string{what, value}
	if by, ok := k.used[key]; ok {
		return by
	}
	k.used[key] = path
	return ""
}

func (k *checker) once(what, path, value string) {
	if value == "" {
		return
	}
	if by := k.first(what, value, path); by != "" {
		k.fault(path, "%s has the same one, %s", by, value)
	}
}

// taken checks that an address is listened on once.
func (k *checker) taken(network, path, addr string) {
	if addr == "" {
		return
	}
	if _, port, err := net.SplitHostPort(addr); err == nil && port == "0" {
		return // the system chooses one
	}
	if by := k.first(network, addr, path); by != "" {
		k.fault(path, "%s listens on %s already; choose another port", by, addr)
	}
}

func (k *checker) control(path string, channel uint64) {
	if by := k.first("control", fmt.Sprint(channel), path); by != "" {
		k.warn(path, "%s has the same one, %d: both get what is sent to it", by, channel)
	}
}

// shared warns of channels that another client agent has, too.
func (k *checker) shared(path string, c ChannelRange) {
	for i, other := range k.agents {
		if min(c.Max, other.Max) >= max(c.Min, other.Min) && c.Min <= c.Max && other.Min <= other.Max {
			k.warn(path, "%s has some of them, too: two clients with one channel hear each other's messages", k.agentPaths[i])
			break
		}
	}
	k.agents, k.agentPaths = append(k.agents, c), append(k.agentPaths, path)
}

func (k *checker) order(path string, low, high uint64, consequence string) {
	if low > high {
		k.warn(path, "min is more than max: %s", consequence)
	}
}

func (k *checker) uberdogs() {
	for i, u := range k.c.UberDOGs {
		if u.ID != 0 {
			k.once("uberdog", fmt.Sprintf("uberdogs[%d].id", i), fmt.Sprint(u.ID))
		}
	}
}

func (k *checker) messageDirector(m *MessageDirector) {
	const section = "messagedirector."
	k.taken("tcp", section+"bind", m.Bind)
	mutual := m.TLS != nil && m.TLS.ClientCA != ""
	if m.Bind == "" {
		const missing = "this has no effect: messagedirector.bind is missing"
		if m.TLS != nil {
			k.warn(section+"tls", missing)
		}
		if len(m.Allow) > 0 {
			k.warn(section+"allow", missing)
		}
	} else if !isLoopback(m.Bind) && !mutual && len(m.Allow) == 0 {
		k.warn(section+"bind", "%s is open to whoever can reach it, and whoever reaches a message director owns the game: set messagedirector.tls with client_ca, or messagedirector.allow", m.Bind)
	}
	if m.Connect == "" && m.ConnectTLS != nil {
		k.warn(section+"connect_tls", "this has no effect: messagedirector.connect is missing")
	}
	if m.Connect != "" && reaches(m.Connect, m.Bind) {
		k.fault(section+"connect", "%s is where this message director itself listens", m.Connect)
	}
	if t := m.ConnectTLS; t != nil && !k.partial && (t.Certificate == "") != (t.Key == "") {
		k.fault(section+"connect_tls", "certificate and key go together")
	}
	if m.ReconnectDelayMin > m.ReconnectDelayMax && !k.partial {
		k.fault(section+"reconnect_delay_min", "%v is more than reconnect_delay_max, %v", m.ReconnectDelayMin, m.ReconnectDelayMax)
	}
}

func (k *checker) clientAgent(path string, a *ClientAgent) {
	k.taken("tcp", join(path, "bind"), a.Bind)
	if w := a.WebSocket; w != nil {
		k.taken("tcp", join(path, "websocket.bind"), w.Bind)
		if !w.HAProxy && len(w.HAProxyAllow) > 0 {
			k.warn(join(path, "websocket.haproxy_allow"), "this has no effect: websocket.haproxy is off")
		}
	}
	k.order(join(path, "channels"), a.Channels.Min, a.Channels.Max, "no client can be let in")
	k.shared(join(path, "channels"), a.Channels)
	if !a.HAProxy && len(a.HAProxyAllow) > 0 {
		k.warn(join(path, "haproxy_allow"), "this has no effect: haproxy is off")
	}
	if p := a.Client.InterestZones; p != nil && p.Mode == "whitelist" && len(p.Zones) == 0 {
		k.warn(join(path, "client.interest_zones"), "the whitelist is empty: no client can open interest by itself")
	}
}

// CheckSchema checks that the classes of UberDOGs are dclasses of the schema.
// It returns all faults at once, as [Errors]. A schema without any class is worth
// a warning.
func (c *Config) CheckSchema(schema *dc.Schema) error {
	k := checker{c: c}
	if len(schema.Classes()) == 0 && slices.ContainsFunc(c.Roles, func(r Role) bool { return r.StateServer != nil || r.ClientAgent != nil }) {
		const path = "general.dc_files"
		c.Warnings = append(c.Warnings, k.at(path, "there is no class in the DC files: no object can be made; name the game's DC files"))
		c.Warnings.sort()
	}
	for i, u := range c.UberDOGs {
		path := fmt.Sprintf("uberdogs[%d].class", i)
		switch class := schema.Class(u.Class); {
		case class == nil:
			var names []string
			for _, class := range schema.Classes() {
				names = append(names, class.Name())
			}
			k.fault(path, "there is no class %s in the DC files%s", u.Class, suggest(u.Class, names))
		case class.IsStruct():
			k.fault(path, "%s is a struct, not a dclass", u.Class)
		}
	}
	return k.faults.err()
}

// CheckRunnable refuses the roles that this version reads and does not run. It
// returns all of them at once, as [Errors].
func (c *Config) CheckRunnable() error {
	k := checker{c: c}
	for i, r := range c.Roles {
		if slices.Contains([]string{"database", "dbss"}, r.Type) {
			k.fault(fmt.Sprintf("roles[%d].type", i), "this version of Culm does not run the role %q: run it with astrond, connected to this message director, and remove it here", r.Type)
		}
	}
	return k.faults.err()
}
