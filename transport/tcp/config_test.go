package tcp

import (
	"crypto/tls"
	"math"
	"testing"
	"time"

	"github.com/culm-net/culm/transport/internal/outbox"
)

func TestConfig(t *testing.T) {
	bad := map[string]Config{
		"a 2-byte length of more":   {MaxMessage: math.MaxUint16 + 1},
		"a negative length":         {MaxMessage: -1},
		"a longer message than any": {Framing: Prefix32, MaxMessage: 1<<30 + 1},
		"another framing":           {Framing: NoPrefix + 1},
	}
	for name, cfg := range bad {
		if _, err := cfg.withDefaults(); err == nil {
			t.Errorf("%s is taken", name)
		}
		if _, err := Listen("127.0.0.1:0", cfg); err == nil {
			t.Errorf("Listen takes %s", name)
		}
	}
	theirs := &tls.Config{MinVersion: tls.VersionTLS10}
	cfg, err := Config{SendQueue: 1, TLS: theirs}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.MaxMessage != math.MaxUint16 || cfg.SendQueue != math.MaxUint16+2+outbox.KeyCost {
		t.Errorf("longest message %d, queue %d", cfg.MaxMessage, cfg.SendQueue)
	}
	if cfg.Pace != 2*time.Millisecond {
		t.Errorf("pace %v", cfg.Pace)
	}
	if cfg.TLS.MinVersion != tls.VersionTLS12 || theirs.MinVersion != tls.VersionTLS10 {
		t.Error("TLS before 1.2 is not excluded, or the caller's Config was changed")
	}
}

func TestFramingOf(t *testing.T) {
	for size, want := range map[int]Framing{0: NoPrefix, 2: Prefix16, 4: Prefix32} {
		if got, err := FramingOf(size); got != want || err != nil || got.size() != size {
			t.Errorf("header size %d: %v, %v", size, got, err)
		}
	}
	if _, err := FramingOf(3); err == nil {
		t.Error("header size 3 is taken")
	}
}
