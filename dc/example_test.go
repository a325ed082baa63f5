package dc_test

import (
	"fmt"
	"log"

	"github.com/culm-net/culm/dc"
)

const avatar = `
dclass Avatar {
  setPos(int16 / 10 x, int16 / 10 y) required broadcast;
  setHp(uint8(0 - 100) hp = 100) required broadcast;
};
`

func Example() {
	schema, err := dc.Parse(dc.Source{Name: "avatar.dc", Text: []byte(avatar)})
	if err != nil {
		log.Fatal(err)
	}
	setPos := schema.Class("Avatar").FieldByName("setPos")

	packed, err := setPos.Pack(nil, 1.5, -2)
	fmt.Printf("%x %v\n", packed, err)

	args, err := setPos.Unpack(packed)
	fmt.Println(args, err)

	text, err := setPos.AppendText(nil, packed)
	fmt.Printf("%s %v\n", text, err)

	_, err = setPos.Pack(nil, 1.5, 4000)
	fmt.Println(err)

	// What a peer sent is checked before anybody looks at it.
	setHp := schema.Class("Avatar").FieldByName("setHp")
	fmt.Println(setHp.Check([]byte{101}))

	// Output:
	// 0f00ecff <nil>
	// [1.5 -2] <nil>
	// (x = 1.5, y = -2) <nil>
	// Avatar.setPos, y: 4000 is not in -3276.8 - 3276.7
	// Avatar.setHp, hp, byte 0: 101 is not in 0 - 100
}

func ExampleDiff() {
	before, err := dc.Parse(dc.Source{Name: "avatar.dc", Text: []byte(avatar)})
	if err != nil {
		log.Fatal(err)
	}
	after, err := dc.Parse(dc.Source{Name: "avatar.dc", Text: []byte(`
dclass Avatar {
  setName(string name) db;
  setPos(int16 / 10 x, int16 / 10 y) required broadcast;
  setHp(uint8(0 - 200) hp = 100) required broadcast;
};
`)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(dc.Diff(before, after))

	// Output:
	//   added Avatar.setName (string name) db, number 0
	// ! Avatar.setHp: allowed values (uint8(0 - 200) hp), was (uint8(0 - 100) hp)
	// ! Avatar.setPos: number 1, was 0
	// ! Avatar.setHp: number 2, was 1
	// The hash changed from 0x0001d677 to 0x00041c65: servers that compare it refuse old clients.
	// Old clients do not fit, because of the lines marked with "!".
}
