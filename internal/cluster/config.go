package cluster

import (
	"net/netip"
	"time"
)

// The tags of a configuration's structs:
//
//	key       the key's name in the file
//	kind      what its value is, see kinds; for a list, what each element is
//	default   the value of a key that is missing, as it would be written
//	required  "true": the key must be there, if the section around it is
//	own       "true": the key, or the whole section, is not Astron's
//	min       the least number, size or time, if it is not 0
//	port      of an address without one
//	one       what an enum may be
//	help      what it means, for docs/cluster-keys.md
//	variant   the "type" that makes the map around it this struct
//
// A section that is a pointer is nil when it is missing.

// Config is a configuration. What is not in the file has its default. Paths
// are absolute or relative to the working directory, addresses have a host and
// a port.
type Config struct {
	Daemon          Daemon          `key:"daemon" help:"The process."`
	General         General         `key:"general" help:"What all roles share."`
	UberDOGs        []UberDOG       `key:"uberdogs" help:"Objects that are always there, and that clients always know."`
	MessageDirector MessageDirector `key:"messagedirector" help:"Who gets a message. Without this section it serves the roles in this process only."`
	Roles           []Role          `key:"roles" help:"What this process does, one map for each role."`

	// File is the path that errors name.
	File string
	// Warnings are what [Load] found odd but not wrong, by line.
	Warnings Errors

	lines map[string]int // of each key in the file, by path
}

// Daemon is about the process.
type Daemon struct {
	Name        string        `key:"name" kind:"string" default:"<unnamed>" help:"For people; without effect."`
	URL         string        `key:"url" kind:"string" default:"" help:"For people; without effect."`
	Metrics     string        `key:"metrics" kind:"address" port:"9100" own:"true" help:"Where /metrics and /healthz are served, as with --metrics."`
	DrainGrace  time.Duration `key:"drain_grace" kind:"ms" default:"5000" own:"true" help:"After SIGTERM no client is let in any more, and after this time those that are there are ejected with code 154."`
	DrainReason string        `key:"drain_reason" kind:"string" default:"The server is going down for maintenance." own:"true" help:"The reason that they are told."`
}

// General is what all roles share.
type General struct {
	DCFiles     []string `key:"dc_files" kind:"path" help:"The game's DC files, in the order in which the game reads them."`
	EventLogger string   `key:"eventlogger" kind:"address" port:"7197" help:"Where events are sent to. Without it they are discarded."`
}

// UberDOG is an object that is always there.
type UberDOG struct {
	ID        uint32 `key:"id" kind:"doid" required:"true" help:"Its doId."`
	Class     string `key:"class" kind:"string" required:"true" help:"Its class in the DC files."`
	Anonymous bool   `key:"anonymous" kind:"bool" default:"false" help:"Whether clients may send to it before they have logged in."`
}

// TLS is what a listener needs.
type TLS struct {
	Certificate string `key:"certificate" kind:"path" required:"true" help:"PEM file with the certificate and those that lead to its authority. SIGHUP reads it again."`
	Key         string `key:"key" kind:"path" required:"true" help:"PEM file with the certificate's private key."`
	ClientCA    string `key:"client_ca" kind:"path" help:"PEM file with authorities. Whoever connects must show a certificate of one of them."`
}

// ConnectTLS is what the connecting side needs.
type ConnectTLS struct {
	CA          string `key:"ca" kind:"path" help:"PEM file with authorities, one of which must have signed the other side's certificate; else those of the system."`
	Certificate string `key:"certificate" kind:"path" help:"PEM file with the certificate to show."`
	Key         string `key:"key" kind:"path" help:"PEM file with its private key."`
	ServerName  string `key:"server_name" kind:"string" default:"" help:"The name that the other side's certificate must have; else the host of the address."`
}

// MessageDirector is about the routing of this process and its links to others.
type MessageDirector struct {
	Bind     string `key:"bind" kind:"address" port:"7199" help:"Where AIs, UberDOGs and other processes connect. Whoever reaches it owns the game."`
	Connect  string `key:"connect" kind:"address" port:"7199" help:"The message director above this one."`
	Threaded bool   `key:"threaded" kind:"boolean" default:"true" help:"Without effect."`

	TLS        *TLS           `key:"tls" own:"true" help:"Links that come in speak TLS."`
	Allow      []netip.Prefix `key:"allow" kind:"network" own:"true" help:"From where links are let in; an empty list is anywhere."`
	ConnectTLS *ConnectTLS    `key:"connect_tls" own:"true" help:"The link to the message director above speaks TLS."`

	Reconnect         bool          `key:"reconnect" kind:"bool" default:"true" own:"true" help:"Whether a link upwards that is lost, or cannot be made, is tried again; else the process ends, as Astron does."`
	ReconnectDelayMin time.Duration `key:"reconnect_delay_min" kind:"ms" min:"1" default:"250" own:"true" help:"Pause before it is tried again."`
	ReconnectDelayMax time.Duration `key:"reconnect_delay_max" kind:"ms" min:"1" default:"10000" own:"true" help:"Each pause is longer than the last one, up to this."`

	StallBytes    int           `key:"stall_bytes" kind:"bytes" min:"1" default:"64MiB" own:"true" help:"A link for which more than this waits is dropped, and its post-removes are sent."`
	StallBytesAll int           `key:"stall_bytes_all" kind:"bytes" min:"1" default:"512MiB" own:"true" help:"When more than this waits for all links together, those for which most waits are dropped."`
	StallTimeout  time.Duration `key:"stall_timeout" kind:"ms" min:"1" default:"10000" own:"true" help:"A link that takes nothing for so long is dropped in the same way."`
	BacklogBytes  int           `key:"backlog_bytes" kind:"bytes" min:"1" default:"16MiB" own:"true" help:"While more than this waits to be routed, links are read more slowly."`

	MaxLinks        int `key:"max_links" kind:"count" default:"4096" own:"true" help:"Links that are let in. 0 is no limit."`
	MaxChannels     int `key:"max_channels" kind:"count" min:"1" default:"4194304" own:"true" help:"Single channels that a link may hear; one more drops it."`
	MaxRanges       int `key:"max_ranges" kind:"count" min:"1" default:"16384" own:"true" help:"Ranges of channels that a link may hear, those that touch counted as one; one more drops it."`
	MaxRangesAll    int `key:"max_ranges_all" kind:"count" min:"1" default:"1048576" own:"true" help:"Ranges that all links together may hear, each counted once for every piece into which others cut it; one more drops its link."`
	PostRemoveBytes int `key:"post_remove_bytes" kind:"bytes" min:"1" default:"64MiB" own:"true" help:"Bytes of post-removes that a link may have, with 64 more for each; one more drops it."`
}

// Role is one role of the process. Exactly one of the pointers is not nil.
type Role struct {
	Type string `key:"type" kind:"string" required:"true" help:"What it is: stateserver, clientagent, eventlogger, database or dbss."`

	StateServer *StateServer `variant:"stateserver" help:"Holds objects."`
	ClientAgent *ClientAgent `variant:"clientagent" help:"Serves clients."`
	EventLogger *EventLogger `variant:"eventlogger" help:"Writes events to files."`
	Database    *Database    `variant:"database" help:"Stores objects. This version reads its keys, and does not run it."`
	DBSS        *DBSS        `variant:"dbss" help:"Holds objects that are stored. This version reads its keys, and does not run it."`
}

// StateServer is a role that holds objects.
type StateServer struct {
	Control    uint64 `key:"control" kind:"channel" required:"true" help:"The channel on which objects are made."`
	MaxObjects int    `key:"max_objects" kind:"count" default:"4194304" own:"true" help:"Objects that it holds; more are refused. 0 is no limit."`
}

// ClientAgent is a role that serves clients.
type ClientAgent struct {
	Bind         string         `key:"bind" kind:"address" port:"7198" default:"0.0.0.0:7198" help:"Where clients connect."`
	Version      string         `key:"version" kind:"string" default:"dev" help:"The version that clients must name."`
	ManualDCHash uint32         `key:"manual_dc_hash" kind:"uint32" default:"0" help:"The DC hash that clients must name. 0 is that of the DC files."`
	HAProxy      bool           `key:"haproxy" kind:"boolean" default:"false" help:"Whether connections to bind begin with a header of the PROXY protocol, version 1 or 2. For websocket.bind there is another key."`
	HAProxyAllow []netip.Prefix `key:"haproxy_allow" kind:"network" own:"true" help:"From where such connections are let in; an empty list is anywhere."`

	Channels  ChannelRange `key:"channels" required:"true" help:"The channels of clients. There are at most as many clients."`
	Tuning    Tuning       `key:"tuning" help:"Times."`
	Client    Client       `key:"client" help:"What a client may do."`
	Limits    ClientLimits `key:"limits" own:"true" help:"How much a client may do."`
	TLS       *TLS         `key:"tls" own:"true" help:"Clients speak TLS."`
	WebSocket *WebSocket   `key:"websocket" own:"true" help:"Clients may also come over WebSocket: a binary message is one datagram."`
}

// ChannelRange is a range of channels, both ends included.
type ChannelRange struct {
	Min uint64 `key:"min" kind:"channel" required:"true" help:"The first one."`
	Max uint64 `key:"max" kind:"channel" required:"true" help:"The last one."`
}

// Tuning is times of a client agent.
type Tuning struct {
	InterestTimeout time.Duration `key:"interest_timeout" kind:"ms" default:"500" help:"How long objects of a new interest are waited for. 0 is 500, too."`
}

// Client is what a client may do.
type Client struct {
	Type             string        `key:"type" kind:"enum" one:"libastron" default:"libastron" help:"The protocol that clients speak."`
	AddInterest      string        `key:"add_interest" kind:"enum" one:"visible enabled disabled" default:"visible" help:"Which interest a client may open and close by itself: under objects that it knows, any, or none."`
	InterestZones    *ZonePolicy   `key:"interest_zones" own:"true" help:"In which zones it may do so."`
	Relocate         bool          `key:"relocate" kind:"bool" default:"false" help:"Whether it may move objects that it owns."`
	SendHash         bool          `key:"send_hash" kind:"boolean" default:"true" help:"Whether one with a wrong DC hash is told the right one."`
	SendVersion      bool          `key:"send_version" kind:"boolean" default:"true" help:"Whether one with a wrong version is told the right one."`
	HeartbeatTimeout time.Duration `key:"heartbeat_timeout" kind:"ms" default:"0" help:"One that sends no heartbeat for so long is ejected. 0 is never."`
	WriteBufferSize  int           `key:"write_buffer_size" kind:"bytes" default:"262144" help:"One for which more than this waits is closed. 0 is no limit."`
	WriteTimeout     time.Duration `key:"write_timeout_ms" kind:"ms" default:"5000" help:"One that takes nothing for so long is closed. 0 is never."`

	HelloTimeout         time.Duration `key:"hello_timeout" kind:"ms" default:"30000" own:"true" help:"One that has not said hello for so long is ejected. It covers a PROXY header and a TLS handshake. 0 is never, and 10 s for these two."`
	AuthTimeout          time.Duration `key:"auth_timeout" kind:"ms" default:"0" own:"true" help:"One that has not logged in (is not ESTABLISHED) for so long is ejected. 0 is never."`
	HistoricalObjectsTTL time.Duration `key:"historical_objects_ttl" kind:"ms" default:"0" own:"true" help:"How long updates to an object that just left are dropped, before they eject. 0 is as long as the session."`
	StrictCLRecv         bool          `key:"strict_clrecv" kind:"bool" default:"false" own:"true" help:"Whether broadcast alone is not enough: only fields with clrecv, and ownrecv for owners, reach clients."`
}

// ZonePolicy is where clients may open interest by themselves.
type ZonePolicy struct {
	Mode  string      `key:"mode" kind:"enum" one:"whitelist blacklist" required:"true" help:"Whether the zones are those that are allowed, or those that are not."`
	Zones []ZoneRange `key:"zones" kind:"zones" required:"true" help:"Zones and ranges of them."`
}

// ZoneRange is a range of zones, both ends included.
type ZoneRange struct{ Min, Max uint32 }

// ClientLimits is how much a client may do. 0 is no limit.
type ClientLimits struct {
	MaxClients           int     `key:"max_clients" kind:"count" default:"0" help:"Clients in all. 0: as many as there are channels."`
	MaxClientsPerAddress int     `key:"max_clients_per_address" kind:"count" default:"0" help:"Clients from one IPv4 address or IPv6 /64. 0 is no limit: behind a proxy all have one address."`
	MessageRate          float64 `key:"message_rate" kind:"rate" default:"500" help:"Messages per second, twice as many at once. One that sends more is read more slowly. 0 is no limit."`
	ByteRate             float64 `key:"byte_rate" kind:"rate" default:"262144" help:"The same for bytes."`
	MaxInterests         int     `key:"max_interests" kind:"count" default:"1000" help:"Interests of a client. 0 is no limit, here and below."`
	MaxZones             int     `key:"max_zones" kind:"count" default:"10000" help:"Zones in all of them."`
	MaxPendingBytes      int     `key:"max_pending_bytes" kind:"bytes" default:"4MiB" help:"What is held back for a client while its interests open."`
	MaxDeclaredObjects   int     `key:"max_declared_objects" kind:"count" default:"10000" help:"Objects that servers declare to it."`
	MaxSessionObjects    int     `key:"max_session_objects" kind:"count" default:"1000" help:"Its session objects."`
	MaxHistoricalObjects int     `key:"max_historical_objects" kind:"count" default:"10000" help:"Objects that left and are remembered; the oldest is forgotten."`
	MaxChannels          int     `key:"max_channels" kind:"count" default:"1000" help:"Channels that servers open for it."`
	MaxPostRemoves       int     `key:"max_post_removes" kind:"count" default:"1000" help:"Its post-removes."`
}

// WebSocket is a listener for browsers.
type WebSocket struct {
	Bind         string         `key:"bind" kind:"address" port:"7196" required:"true" help:"Where they connect."`
	HAProxy      bool           `key:"haproxy" kind:"boolean" default:"false" help:"Whether connections begin with a header of the PROXY protocol, version 1 or 2, before TLS and HTTP."`
	HAProxyAllow []netip.Prefix `key:"haproxy_allow" kind:"network" help:"From where such connections are let in; an empty list is anywhere."`
	Path         string         `key:"path" kind:"url" default:"/" help:"The path of the URL."`
	Origins      []string       `key:"origins" kind:"string" help:"Hosts of the pages that may connect, like game.example or *.game.example; an empty list is the same host only."`
	TLS          *TLS           `key:"tls" help:"Browsers speak TLS (wss). Pages that were loaded over https need it, here or in a proxy."`
}

// EventLogger is a role that writes events to files.
type EventLogger struct {
	Bind           string        `key:"bind" kind:"address" port:"7197" default:"0.0.0.0:7197" help:"Where events come in, over UDP."`
	Output         string        `key:"output" kind:"pattern" default:"events-%Y%m%d-%H%M%S.log" help:"The files' names, a pattern for strftime. What is in a file stays; Astron empties it."`
	RotateInterval time.Duration `key:"rotate_interval" kind:"interval" default:"0" help:"How long a file is written. Days end at midnight; shorter intervals are counted from there. Astron ignores it."`
	RotateSize     int64         `key:"rotate_size" kind:"bytes" default:"0" own:"true" help:"How many bytes a file has. 0 is no limit."`
	QueueBytes     int           `key:"queue_bytes" kind:"bytes" min:"1" default:"4MiB" own:"true" help:"What waits while files cannot be written; then events are lost."`
}

// Database is a role that stores objects.
type Database struct {
	Control   uint64    `key:"control" kind:"channel" required:"true" help:"The channel on which it is asked."`
	Broadcast bool      `key:"broadcast" kind:"bool" default:"true" help:"Whether changes are told on the object's database channel."`
	Generate  DoIDRange `key:"generate" required:"true" help:"The doIds of its objects."`
	Backend   Backend   `key:"backend" help:"Where they are stored."`
}

// DoIDRange is a range of doIds, both ends included.
type DoIDRange struct {
	Min uint32 `key:"min" kind:"doid" required:"true" help:"The first one."`
	Max uint32 `key:"max" kind:"doid" default:"0xffffffff" help:"The last one."`
}

// Backend is where a database stores. Exactly one of the pointers is not nil.
type Backend struct {
	Type string `key:"type" kind:"string" required:"true" default:"yaml" help:"What it is: yaml, mongodb or soci. Without the section it is yaml."`

	YAML    *YAMLBackend    `variant:"yaml" help:"A file for each object."`
	MongoDB *MongoDBBackend `variant:"mongodb" help:"MongoDB."`
	SOCI    *SOCIBackend    `variant:"soci" help:"An SQL database."`
}

// YAMLBackend is Astron's backend of files.
type YAMLBackend struct {
	Directory string `key:"directory" kind:"path" default:"yaml_db" help:"Their folder."`
}

// MongoDBBackend is Astron's backend for MongoDB.
type MongoDBBackend struct {
	Server  string `key:"server" kind:"string" default:"mongodb://127.0.0.1/test" help:"The URI of server and database."`
	Workers int    `key:"workers" kind:"count" default:"8" help:"How many connections."`
}

// SOCIBackend is Astron's backend for SQL.
type SOCIBackend struct {
	Driver   string `key:"driver" kind:"string" default:"mysql" help:"Which database system."`
	Database string `key:"database" kind:"string" default:"" help:"The database's name."`
	Address  string `key:"address" kind:"string" default:"" help:"Its host."`
	Username string `key:"username" kind:"string" default:"" help:"Who logs in."`
	Password string `key:"password" kind:"string" default:"" help:"With which password."`
}

// DBSS is a role that holds stored objects.
type DBSS struct {
	Database uint64      `key:"database" kind:"channel" required:"true" help:"The control channel of the database."`
	Ranges   []DoIDRange `key:"ranges" required:"true" help:"The doIds that it serves."`
}
