//go:build race

package tcp

// maxRaw is 0 for the race detector: package syscall tells it that what is
// written before it is read.
const maxRaw = 0
