package eventlogger

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"
)

var (
	cet   = time.FixedZone("CET", 3600)
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, cet)
	stamp = `{"_time":"2026-11-20 12:00:00+0100"`
)

// TestLineOfEachType has a map from "k" to each type of MessagePack.
// What Astron writes wrongly (F23) is among them.
func TestLineOfEachType(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"nil", "c0", `null`},
		{"false", "c2", `false`},
		{"true", "c3", `true`},
		{"positive fixint", "7f", `127`},
		{"negative fixint", "e0", `-32`},
		{"uint8", "ccff", `255`},
		{"uint16", "cdffff", `65535`},
		{"uint32", "ceffffffff", `4294967295`},
		{"uint64", "cfffffffffffffffff", `18446744073709551615`},
		{"int8", "d080", `-128`},
		{"int16", "d18000", `-32768`},
		{"int32", "d280000000", `-2147483648`},
		{"int64", "d38000000000000000", `-9223372036854775808`},
		{"float32", "ca3dcccccd", `0.1`},
		{"float32 NaN", "ca7fc00000", `"NaN"`},
		{"float64", "cb3fb999999999999a", `0.1`},
		{"float64 large", "cb7fefffffffffffff", `1.7976931348623157e+308`},
		{"float64 infinity", "cb7ff0000000000000", `"Infinity"`},
		{"float64 -infinity", "cbfff0000000000000", `"-Infinity"`},
		{"fixstr", "a3616263", `"abc"`},
		{"str8", "d901e2", "\"\uFFFD\""},
		{"str16", "da0002c3a4", `"ä"`},
		{"str32", "db0000000122", `"\""`},
		{"control characters", "a8000b0a0d095c2f7f", `"\u0000\u000b\n\r\t\\/\u007f"`},
		{"bin8 of text", "c403616263", `"abc"`},
		{"bin16", "c50002fffe", `"base64://4="`},
		{"bin32", "c600000000", `""`},
		{"fixarray", "93010203", `[1,2,3]`},
		{"array16", "dc000190", `[[]]`},
		{"array32", "dd0000000101", `[1]`},
		{"fixmap", "81a16101", `{"a":1}`},
		{"map16", "de0001a16180", `{"a":{}}`},
		{"map32", "df00000002a16101a16202", `{"a":1,"b":2}`},
		{"keys that are not text", "8601a161c0a162c3a163ca3f800000a164d0ffa16592010291a161", `{"1":"a","null":"b","true":"c","1":"d"`},
		{"fixext1", "d40561", `{"ext":5,"data":"a"}`},
		{"fixext2", "d5056162", `{"ext":5,"data":"ab"}`},
		{"fixext16", "d8fe" + strings.Repeat("ff", 16), `{"ext":-2,"data":"base64://///////////////////w=="}`},
		{"ext8", "c70005", `{"ext":5,"data":""}`},
		{"ext16", "c8000105ff", `{"ext":5,"data":"base64:/w=="}`},
		{"ext32", "c9000000010561", `{"ext":5,"data":"a"}`},
		{"timestamp 32", "d6ff00000000", `"1970-01-01T00:00:00Z"`},
		{"timestamp 64", "d7ff" + "0000000400000001", `"1970-01-01T00:00:01.000000001Z"`},
		{"timestamp 96", "c70cff" + "000000ff" + "ffffffffffffffff", `"1969-12-31T23:59:59.000000255Z"`},
		{"timestamp 32, later", "d6ff" + "5fee6600", `"2021-01-01T00:00:00Z"`},
		{"timestamp of too many nanoseconds", "d7ff" + "ee6b280000000000", `{"ext":-1,"data":"base64:7msoAAAAAAA="}`},
		{"timestamp before all years", "c70cff" + "00000000" + "8000000000000000", `{"ext":-1,"data":"base64:AAAAAIAAAAAAAAAA"}`},
		{"another extension of its size", "d605" + "00000001", `{"ext":5,"data":"\u0000\u0000\u0000\u0001"}`},
		{"timestamp of no known length", "d5ff6162", `{"ext":-1,"data":"ab"}`},
		{"timestamp of no year", "c70cff" + "00000000" + "7000000000000000", `{"ext":-1,"data":"\u0000\u0000\u0000\u0000p\u0000\u0000\u0000\u0000\u0000\u0000\u0000"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.name == "keys that are not text" {
				// 1 and 1.0 have the same text: the first counts. An array is a key, too.
				test.want = `{"1":"a","null":"b","true":"c","-1":"e","[1,2]":["a"]}`
			}
			got, err := AppendLine([]byte("before"), unhex(t, "81a16b"+test.value), noon)
			want := "before" + stamp + `,"k":` + test.want + "}\n"
			if err != nil || string(got) != want {
				t.Fatalf("got  %s, %v\nwant %s", got, err, want)
			}
			if !json.Valid(got[len("before"):]) {
				t.Errorf("%s is not JSON", got)
			}
		})
	}
}

func TestPairsKeepTheirOrderAndTheFirstOfEqualKeysCounts(t *testing.T) {
	// {"type": "x", "_time": "forged", "a": 1, "a": 2, "b": 3}
	packet := unhex(t, "85"+"a474797065a178"+"a55f74696d65a6666f72676564"+"a16101"+"a16102"+"a16203")
	got, err := AppendLine(nil, packet, noon)
	want := stamp + `,"type":"x","a":1,"b":3}` + "\n"
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestPacketsThatAreNoEvents(t *testing.T) {
	for _, test := range []struct {
		name, packet string
		want         error
	}{
		{"empty", "", ErrTruncated},
		{"an array", "90", ErrNotMap},
		{"text", "a3616263", ErrNotMap},
		{"JSON", hex.EncodeToString([]byte(`{"type":"x"}`)), ErrNotMap},
		{"surplus", "8000", ErrSurplus},
		{"a second map", "8080", ErrSurplus},
		{"a map without its pair", "81", ErrTruncated},
		{"a map without its last value", "81a16b", ErrTruncated},
		{"a map without its length", "de00", ErrTruncated},
		{"a text cut short", "81a16ba361", ErrTruncated},
		{"a number cut short", "81a16bcd00", ErrTruncated},
		{"a float cut short", "81a16bcb000000", ErrTruncated},
		{"an extension without type", "81a16bd4", ErrTruncated},
		{"an extension cut short", "81a16bd70561", ErrTruncated},
		{"a map of four billion pairs", "dfffffffff", ErrTruncated},
		{"a text of four gigabytes", "81a16bdbffffffff61", ErrTruncated},
		{"data of four gigabytes", "81a16bc6ffffffff61", ErrTruncated},
		{"an array of four billion", "81a16bddffffffff61", ErrTruncated},
		{"an extension of four gigabytes", "81a16bc9ffffffff0561", ErrTruncated},
		{"the byte that is never used", "81a16bc1", ErrInvalid},
		{"nested too deep", "81a16b" + strings.Repeat("91", MaxDepth-1) + "9000", ErrTooDeep},
	} {
		got, err := AppendLine([]byte("before"), unhex(t, test.packet), noon)
		if !errors.Is(err, test.want) || string(got) != "before" {
			t.Errorf("%s: got %q, %v, want %v", test.name, got, err, test.want)
		}
	}
	if _, err := AppendLine(nil, unhex(t, "81a16b"+strings.Repeat("91", MaxDepth-2)+"90"), noon); err != nil {
		t.Errorf("nested as deep as allowed: %v", err)
	}
}

// Each level of keys that are maps doubles the backslashes of the levels below.
func TestKeysThatAreMapsCannotGrowWithoutBound(t *testing.T) {
	inner := append([]byte{0xda, 0x40, 0}, bytes.Repeat([]byte{'"'}, 0x4000)...)
	packet := inner
	for range 14 {
		packet = append(append([]byte{0x81}, packet...), 0xc0)
	}
	packet = append(append([]byte{0x81}, packet...), 0xc0)
	got, err := AppendLine(nil, packet, noon)
	if !errors.Is(err, ErrTooLong) || len(got) != 0 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

// TestLinesSayWhatWasPacked compares with what encoding/json reads.
func TestLinesSayWhatWasPacked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var value func(depth int) *rapid.Generator[any]
		value = func(depth int) *rapid.Generator[any] {
			kinds := []*rapid.Generator[any]{
				rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
				rapid.Int32().AsAny(), rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) }).AsAny(),
			}
			if depth < 4 {
				kinds = append(kinds,
					rapid.Map(rapid.SliceOfN(value(depth+1), 0, 4), func(s []any) any { return s }),
					rapid.Map(rapid.MapOfN(rapid.String(), value(depth+1), 0, 4), func(m map[string]any) any { return m }))
			}
			return rapid.OneOf(kinds...)
		}
		event := rapid.MapOfN(rapid.StringMatching(`[a-z]*`), value(0), 0, 6).Draw(t, "event")
		packet, err := msgpack.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		got, err := AppendLine(nil, packet, noon)
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]any
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		delete(back, "_time")
		want, _ := json.Marshal(event)
		have, _ := json.Marshal(back)
		if !bytes.Equal(want, have) {
			t.Fatalf("packed %s, the line says %s", want, have)
		}
	})
}

func BenchmarkAppendLine(b *testing.B) {
	packet := ClientEjected(1000000000, 117, "an object that is not there", true).Packet()
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if line, err = AppendLine(line[:0], packet, noon); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, seed := range []string{
		"80", "81a16b93010203", "83a474797065a178a6736574a16cc6ffffffff61", "81a16bd7ff0000000400000001",
		"8192018101a1c0c0", "de0001a161cb7ff8000000000000", "81a16bc1", "828080",
	} {
		b, _ := hex.DecodeString(seed)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		got, err := AppendLine([]byte("before"), packet, noon)
		rest, ok := bytes.CutPrefix(got, []byte("before"))
		if !ok {
			t.Fatalf("what was there before is %q", got)
		}
		if err != nil {
			if len(rest) > 0 || reasonOf(err) == "" {
				t.Fatalf("%v, which counts as %q, left %q", err, reasonOf(err), rest)
			}
			return
		}
		if !json.Valid(rest) || bytes.IndexByte(rest, '\n') != len(rest)-1 || len(rest) > MaxLine+64 {
			t.Fatalf("%q is no line of JSON", rest)
		}
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
