package lanbots

import (
	"os"
	"testing"
	"time"
)

func TestReadUsage(t *testing.T) {
	before, err := readUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if before.rss < 1<<20 {
		t.Errorf("this process has %d bytes resident", before.rss)
	}
	for end := time.Now().Add(10 * time.Second); ; {
		now, err := readUsage(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now.cpu > before.cpu && now.ownCPU > before.ownCPU {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("this process worked, but its CPU time stays at %+v", now)
		}
	}
	const none = 1<<31 - 1
	if _, err := readUsage(none); err == nil {
		t.Error("a process that does not exist has used something")
	}
}
