// Package cluster is an example of a cluster: a login UberDOG, a district's AI,
// and clients; see README.md. What the UberDOG and the AI know of the classes in
// game.dc is generated:
//
//	go generate ./examples/cluster
package cluster

//go:generate go run ../../cmd/culm dc gen go game.dc -o game --for cluster
