//go:build !race

package tcp

// maxRaw is how many bytes are read or written without telling package runtime
// that this goroutine is in a system call. The call does not wait and is over
// in some microseconds; to tell can cost more, because it wakes the thread
// that watches over calls.
const maxRaw = 64 << 10
