package loadgen

import (
	"os"
	"testing"
	"time"
)

func TestReadUsage(t *testing.T) {
	before, err := ReadUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if before.RSS < 1<<20 {
		t.Errorf("this process has %d bytes resident", before.RSS)
	}
	for end := time.Now().Add(10 * time.Second); ; {
		now, err := ReadUsage(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now.CPU > before.CPU && now.OwnCPU > before.OwnCPU {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("this process worked, but its CPU time stays at %+v", now)
		}
	}
	const none = 1<<31 - 1
	if _, err := ReadUsage(none); err == nil {
		t.Error("a process that does not exist has used something")
	}
}
