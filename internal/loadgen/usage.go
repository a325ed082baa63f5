package loadgen

// Usage is what processes have used so far.
type Usage struct {
	CPU    float64 // seconds of the server
	RSS    int64   // bytes of the server
	OwnCPU float64 // seconds of this process
}
