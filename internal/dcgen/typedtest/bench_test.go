package typedtest

import (
	"testing"

	"github.com/culm-net/culm/internal/dcgen/typed"
	"github.com/culm-net/culm/internal/dcgen/typed/typedai"
	"github.com/culm-net/culm/world"
)

// BenchmarkTyped compares generated code with what does the same by names.
func BenchmarkTyped(b *testing.B) {
	w, err := world.New(world.Config{Schema: typed.Schema()})
	if err != nil {
		b.Fatal(err)
	}
	a, err := typedai.NewDistributedAvatar(w, 1, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	bench := func(name string, f func(i int) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if err := f(i); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
	bench("set-struct/generated", func(i int) error { return a.SetPos(typed.Vec3{X: float64(i), Y: 2, Z: 3}) })
	bench("set-struct/by-name", func(i int) error { return a.Object.Set("pos", []any{float64(i), 2.0, 3.0}) })
	bench("set-number/generated", func(i int) error { return a.SetH(float64(i % 360)) })
	bench("set-number/by-name", func(i int) error { return a.Object.Set("h", float64(i%360)) })
	var pos typed.Vec3
	bench("get-struct/generated", func(int) error { pos = a.Pos(); return nil })
	bench("get-struct/by-name", func(int) error { _, err := a.Object.Get("pos"); return err })
	bench("send/generated", func(i int) error { return a.SendEmote(uint8(i)) })
	bench("send/by-name", func(i int) error { return a.Object.Send("emote", uint8(i)) })
	_ = pos
}
