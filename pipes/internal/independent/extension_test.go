package independent

import (
	"strings"
	"testing"
	"time"
)

// Messages of the extension: the stamp is structure sequence, tick.
const (
	extAvatar = "0243 01000000 64000000 " + avatarBody // structure 1, tick 100
	// Parts say structure, tick, number, flags, count, then records: hp is
	// field 3, so its key is 4.
	extEmpty = "0043 01000000 65000000 01000000 03 0000"
	extHurt  = "0043 01000000 66000000 02000000 03 0100 05 02 04 32"
)

func TestExtensionStory(t *testing.T) {
	r := welcomedRig(t, true)
	if r.Interest(AddInterest, 2); r.last() != "08430100010002000000" {
		t.Errorf("interest %s", r.last())
	}
	r.play(extAvatar, "0a43 0100", extEmpty, extHurt, extHurt)
	r.want("generated 5", "complete 1", "state 5 hp 32")
	r.now = 10 * time.Millisecond
	r.Frame(time.Millisecond)
	if r.last() != "014302000000640001"+"01" {
		t.Errorf("acknowledged %s", r.last())
	}
	// Zone and hp at once, then a part that was overtaken by it.
	r.play("0043 01000000 68000000 04000000 03 0100 05 07 00 09000000 04 31", "0043 01000000 67000000 03000000 03 0100 05 02 04 30")
	r.want("moved 5 to 9", "state 5 hp 31")
	r.Frame(time.Millisecond)
	if r.last() != "014304000000000001"+"07" {
		t.Errorf("acknowledged %s", r.last())
	}
	// A move by itself, a removal, and a record for who is no more.
	r.play("0543 03000000 69000000 05000000 02000000", "0443 04000000 69000000 05000000 01",
		"0043 03000000 69000000 05000000 03 0100 05 02 04 30")
	r.want("moved 5 to 2", "removed 5 true")
	// Another object of that id: parts from before its generate pass it over.
	r.play("0243 05000000 6a000000 "+strings.Replace(avatarBody, "0300 64 0100", "0300 01 0100", 1),
		"0043 04000000 6a000000 06000000 03 0100 05 02 04 30")
	r.want("generated 5")
	r.play("0c43 1400 3200", "0d430000"[:0]+"0043 05000000 6b000000 07000000 03 0100 05 02 04 2f")
	r.want("state 5 hp 2f")
	if u, c := r.Rates(); u != 20 || c != 50 {
		t.Errorf("rates %d, %d", u, c)
	}
	if len(r.Faults()) != 0 {
		t.Errorf("faults %v", r.Faults())
	}
}

// TestStructureFirst has a part that overtakes the generate it builds on.
func TestStructureFirst(t *testing.T) {
	for hold, want := range []string{"generated 5", "generated 5 state 5 hp 32"} {
		r := welcomedRig(t, true, func(c *Config) { c.HoldParts = hold })
		r.play(extHurt)
		sent := len(r.line.sent)
		r.Frame(time.Millisecond)
		if parts, _ := r.Held(); parts != hold || len(r.line.sent) != sent+1 {
			t.Errorf("%d held, %d sent", parts, len(r.line.sent)-sent) // a ping is sent
		}
		r.play(extAvatar)
		if got := strings.Join(r.told, " "); got != want {
			t.Errorf("holding %d: %s", hold, got)
		}
		if len(r.Faults()) != 0 {
			t.Errorf("faults %v", r.Faults())
		}
	}
}

func TestMessageWaits(t *testing.T) {
	r := welcomedRig(t, true)
	emote := r.field("DistributedAvatar", "emote")
	team := r.field("DistributedAvatar", "setTeam")
	r.play(extAvatar, "0643 66000000 66000000 05000000"+emote+"01", "0643 66000000 64000000 05000000"+team+"02",
		"0643 63000000 63000000 05000000"+team+"03") // the last is from before the generate
	r.want("generated 5")
	if _, n := r.Held(); n != 2 {
		t.Errorf("%d held", n)
	}
	r.play(extEmpty)
	r.want()
	r.play(extHurt)
	r.want("state 5 hp 32", "emote 01 forced false", "setTeam 02 forced false")
	r.play("0643 68000000 68000000 05000000"+emote+"04", "0443 02000000 68000000 05000000 00")
	r.want("emote 04 forced true", "removed 5 false")
	if len(r.Faults()) != 0 {
		t.Errorf("faults %v", r.Faults())
	}
}

func TestExtensionFaults(t *testing.T) {
	for _, row := range []struct{ name, bytes, text string }{
		{"plain type", "0900 66000000 01 0000", "0x9"},
		{"structure again", extAvatar, "structure sequence 1 after 1"},
		{"structure of an older tick", "0443 02000000 63000000 05000000 00", "tick 99"},
		{"remove unknown", "0443 02000000 65000000 08000000 00", "does not have"},
		{"removed how", "0443 02000000 65000000 05000000 02", "deleted 2"},
		{"zone of unknown", "0543 02000000 65000000 08000000 01000000", "does not have"},
		{"two zones at a tick", "0543 02000000 64000000 05000000 01000000", "in zone 2 and in zone 1"},
		{"second generate", "0243 02000000 65000000 " + avatarBody, "second generate"},
		{"part 0", "0043 01000000 65000000 00000000 03 0000", "part number 0"},
		{"unknown flag", "0043 01000000 65000000 09000000 0b 0000", "flags 11"},
		{"more, not last", "0043 01000000 65000000 09000000 05 0100 05 02 04 32", "flags 5"},
		{"empty among several", "0043 01000000 65000000 09000000 01 0000", "empty"},
		{"other contents", strings.Replace(extHurt, "04 32", "04 31", 1), "different contents"},
		{"second snapshot of a tick", "0043 01000000 66000000 03000000 03 0000", "of one snapshot"},
		{"tick goes back", "0043 01000000 65000000 03000000 03 0000", "an earlier one of 102"},
		{"structure goes back", "0043 00000000 67000000 03000000 03 0000", "builds on structure 0"},
		{"does not begin", "0043 01000000 67000000 03000000 02 0100 05 02 04 32", "of two snapshots"},
		{"older than its structure", "0043 01000000 63000000 01000000 03 0000", "structure of tick 100"},
		{"empty record", "0043 01000000 67000000 03000000 03 0100 05 00", "empty record"},
		{"record past the end", "0043 01000000 67000000 03000000 03 0100 05 09 04 32", "9 bytes"},
		{"trailing bytes", "0043 01000000 67000000 03000000 03 0000 00", "part 3"},
		{"long varint", "0043 01000000 67000000 03000000 03 0100 8500 02 04 32", "shortest"},
		{"key past the class", "0043 01000000 67000000 03000000 03 0100 05 02 08 32", "index 7"},
		{"key of a method", "0043 01000000 67000000 03000000 03 0100 05 02 07 32", "atomic"},
		{"keys out of order", "0043 01000000 67000000 03000000 03 0100 05 05 04 32 03 0000", "field 2 after 3"},
		{"zone not first", "0043 01000000 67000000 03000000 03 0100 05 07 04 32 00 01000000", "zone is not first"},
		{"value cut short", "0043 01000000 67000000 03000000 03 0100 05 02 03 00", "cut short"},
		{"state of the future", "0643 66000000 67000000 05000000 FIELD 01", "later state"},
		{"rate 0", "0c43 0000 0100", "Ext_Rates"},
		{"no such ping", "0e43 0900", "ping 9"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := welcomedRig(t, true)
			r.play(extAvatar, extHurt)
			if len(r.Faults()) != 0 {
				t.Fatal(r.Faults())
			}
			r.play(strings.ReplaceAll(row.bytes, "FIELD", r.field("DistributedAvatar", "emote")))
			f := r.Faults()
			if len(f) == 0 || f[0].Severity != Broke || !strings.Contains(f[0].Text, row.text) {
				t.Errorf("%v, want %s", f, row.text)
			}
		})
	}
}

// TestOvertakenWelcome: only what goes unreliably can come before the welcome.
func TestOvertakenWelcome(t *testing.T) {
	r := newRig(t, true)
	if r.play(extEmpty); len(r.Faults()) != 0 || r.Snapshots() != 0 {
		t.Errorf("faults %v, %d snapshots", r.Faults(), r.Snapshots())
	}
	// A method that is unreliable may, one that is reliable may not.
	if r.play("0b00 05000000" + r.field("DistributedAvatar", "move")); len(r.Faults()) != 0 {
		t.Errorf("faults %v", r.Faults())
	}
	if r.play("0b00 05000000" + r.field("DistributedAvatar", "emote") + "01"); len(r.Faults()) != 1 {
		t.Errorf("faults %v", r.Faults())
	}
	if r.play(extAvatar); len(r.Faults()) != 2 || r.Object(5) != nil {
		t.Error("a generate before the welcome is no fault")
	}
}

// TestBareGenerate: the first state of an object without a baseline is whole.
func TestBareGenerate(t *testing.T) {
	r := welcomedRig(t, true)
	bare := "0243 01000000 64000000 0400 05000000 02000000 00 0000"
	r.play(bare, "0043 01000000 64000000 01000000 03 0100 05 14 01 00000000 02 00000000 03 00000000 04 00000001")
	r.want("generated 5", "state 5 hp 00000001")
	if len(r.Faults()) != 0 {
		t.Errorf("faults %v", r.Faults())
	}
	r = welcomedRig(t, true)
	if r.play(bare, "0043 01000000 65000000 01000000 03 0100 05 05 01 00000000"); len(r.Faults()) == 0 {
		t.Error("half a first state is no fault")
	}
}

// TestAcks: what a client says never, late, and wildly.
func TestAcks(t *testing.T) {
	for _, extension := range []bool{false, true} {
		parts := []string{"0900 66000000 01 0000", "0900 67000000 01 0000"}
		typ := "0a00"
		if extension {
			parts, typ = []string{"0043 00000000 66000000 01000000 03 0000", "0043 00000000 67000000 02000000 03 0000"}, "0143"
		}
		count := map[Acks]int{}
		for acks := AckHonest; acks <= AckLie; acks++ {
			r := welcomedRig(t, extension, func(c *Config) { c.Acks = acks })
			for _, m := range parts {
				r.play(m)
				for range 30 {
					r.now += 16 * time.Millisecond
					sent := len(r.line.sent)
					r.Frame(16 * time.Millisecond)
					for _, m := range r.line.sent[sent:] {
						if strings.HasPrefix(hexOf(m), typ) {
							count[acks]++
						}
					}
				}
			}
		}
		if count[AckHonest] != 2 || count[AckNever] != 0 || count[AckLate] == 0 || count[AckWild] != 22 || count[AckLie] != 60 {
			t.Errorf("extension %v: acknowledgements %v", extension, count)
		}
	}
}
