package loadgen

// Usage is what processes have used so far.
type Usage struct {
	CPU    float64 // seconds of the server
	RSS    int64   // bytes of the server
	OwnCPU float64 // seconds of this process
}

// Later returns what they have used by now. A server that has gone has used no
// more: that it has, its clients tell, and they are still to say what they saw.
func (u Usage) Later(pid int) Usage {
	now, err := ReadUsage(pid)
	if err != nil {
		now, _ = ReadUsage(0)
		now.CPU, now.RSS = u.CPU, u.RSS
	}
	return now
}
