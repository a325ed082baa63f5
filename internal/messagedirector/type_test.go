package messagedirector

import "testing"

func TestTypeString(t *testing.T) {
	for typ, want := range map[Type]string{
		2020: "STATESERVER_OBJECT_SET_FIELD", 9000: "CONTROL_ADD_CHANNEL", 1204: "CLIENTAGENT_DONE_INTEREST_RESP", 4242: "4242",
	} {
		if got := typ.String(); got != want {
			t.Errorf("%d is %s, want %s", uint16(typ), got, want)
		}
	}
}

func TestChannels(t *testing.T) {
	for _, c := range []struct{ got, want uint64 }{
		{LocationChannel(0x01020304, 0xf5060708), 0x01020304f5060708},
		{ParentChannel(0xffffffff), 0x1ffffffff},
		{DatabaseChannel(7), 0x200000007},
	} {
		if c.got != c.want {
			t.Errorf("%x, want %x", c.got, c.want)
		}
	}
	for ch, want := range map[uint64]bool{
		0: true, 1: true, 999: true, 1000: false, 1<<32 - 1: false, 1 << 32: true, 999 << 32: true, 999<<32 + 1: false, 1<<64 - 1: false,
	} {
		if ReservedChannel(ch) != want {
			t.Errorf("channel %d is reserved: %v", ch, !want)
		}
	}
	for id, want := range map[uint32]bool{0: true, 999: true, 1000: false, 1<<32 - 1: false} {
		if ReservedDoID(id) != want {
			t.Errorf("doId %d is reserved: %v", id, !want)
		}
	}
}
