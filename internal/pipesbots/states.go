package pipesbots

import (
	"encoding/binary"
	"hash/maphash"
	"sync"

	"github.com/culm-net/culm/pipes/clientsession"
)

// states has what the clients saw of objects, by object and tick: whoever sees an
// object at the same tick must see the same bytes. It remembers the newest of
// them and a hash of each, so its size is bounded; what is no longer there when
// the next client tells of it goes unchecked.
type states struct {
	seed   maphash.Seed
	shards [64]stateShard
}

type stateShard struct {
	mu    sync.Mutex
	slots [rememberedStates / 64]stateSlot
}

type stateSlot struct {
	doID, tick uint32
	hash       uint64
}

// rememberedStates is how many there are in the table. 100 objects at 66 ticks
// per second fill it in ten seconds.
const rememberedStates = 1 << 16

func newStates() *states { return &states{seed: maphash.MakeSeed()} }

// hash returns that of an object's class and values.
func (s *states) hash(o *clientsession.Object) uint64 {
	var short [256]byte
	b := binary.LittleEndian.AppendUint64(short[:0], uint64(o.Class().Number()))
	for index, value := range o.Values() {
		b = binary.LittleEndian.AppendUint32(b, uint32(index))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
		b = append(b, value...)
	}
	return maphash.Bytes(s.seed, b)
}

// check tells whether an object's state at a tick is the one that is known, and
// remembers it if none is. compared says that one was known.
func (s *states) check(doID, tick uint32, hash uint64) (same, compared bool) {
	// Consecutive objects and ticks shall not meet at the same place.
	at := uint64(doID)*0x9e3779b97f4a7c15 ^ uint64(tick)*0xd1342543de82ef95
	at ^= at >> 29
	shard := &s.shards[at%64]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	slot := &shard.slots[at/64%uint64(len(shard.slots))]
	if slot.doID == doID && slot.tick == tick && slot.hash != 0 {
		return slot.hash == hash, true
	}
	if slot.hash == 0 || int32(tick-slot.tick) > 0 {
		*slot = stateSlot{doID, tick, hash}
	}
	return true, false
}
