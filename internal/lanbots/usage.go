package lanbots

// usage is what processes have used so far.
type usage struct {
	cpu    float64 // seconds of the server
	rss    int64   // bytes of the server
	ownCPU float64 // seconds of this process
}
