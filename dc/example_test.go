package dc_test

import (
	"errors"
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

func mustParse(text string) *dc.Schema {
	schema, err := dc.Parse(dc.Source{Name: "avatar.dc", Text: []byte(text)})
	if err != nil {
		log.Fatal(err)
	}
	return schema
}

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
	after := `
dclass Avatar {
  setName(string name) db;
  setPos(int16 / 10 x, int16 / 10 y) required broadcast;
  setHp(uint8(0 - 200) hp = 100) required broadcast;
};
`
	fmt.Print(dc.Diff(mustParse(avatar), mustParse(after)))

	// Output:
	//   added Avatar.setName (string name) db, number 0
	// ! Avatar.setHp: allowed values (uint8(0 - 200) hp), was (uint8(0 - 100) hp)
	// ! Avatar.setPos: number 1, was 0
	// ! Avatar.setHp: number 2, was 1
	// The hash changed from 0x0001d677 to 0x00041c65: servers that compare it refuse old clients.
	// Old clients do not fit, because of the lines marked with "!".
}

// Faults in a file come with their places; a program can have them one by one.
func ExampleErrorList() {
	_, err := dc.Parse(dc.Source{Name: "ball.dc", Text: []byte("dclass Ball {\n  setSize(uint8 size = 256);\n};\n")})
	fmt.Println(err)
	var faults dc.ErrorList
	if errors.As(err, &faults) {
		fmt.Println(len(faults), faults[0].Line, faults[0].Message)
	}

	// Output:
	// ball.dc:2:24: 256 is not in 0 - 255
	// 	  setSize(uint8 size = 256);
	// 	                       ^
	// 1 2 256 is not in 0 - 255
}

func ExampleSchema_Classes() {
	for _, class := range mustParse(avatar).Classes() {
		fmt.Println(class, class.Number())
		for _, field := range class.Fields() {
			fmt.Println(field.Number(), field.Name(), field.Keywords(), field.Has(dc.Required))
			for _, param := range field.Params() {
				fmt.Println(" ", param.Name(), param.Type().Kind(), param.Type().Divisor())
			}
		}
	}

	// Output:
	// dclass Avatar 0
	// 0 setPos [required broadcast] true
	//   x int16 10
	//   y int16 10
	// 1 setHp [required broadcast] true
	//   hp uint8 1
}

// A generate carries the required fields one after the other.
func ExampleField_CheckPrefix() {
	received := []byte{0x0f, 0, 0xec, 0xff, 100}
	for _, field := range mustParse(avatar).Class("Avatar").RequiredFields() {
		n, err := field.CheckPrefix(received)
		if err != nil {
			fmt.Println("refused:", err)
			return
		}
		fmt.Printf("%s %x\n", field.Name(), received[:n])
		received = received[n:]
	}
	fmt.Println(len(received), "bytes left")

	// Output:
	// setPos 0f00ecff
	// setHp 64
	// 0 bytes left
}

func ExampleField_ParseText() {
	setPos := mustParse(avatar).Class("Avatar").FieldByName("setPos")
	packed, err := setPos.ParseText(nil, "(1.5, y = -2)")
	fmt.Printf("%x %v\n", packed, err)
	_, err = setPos.ParseText(nil, "(1.5 -2)")
	fmt.Println(err)

	// Output:
	// 0f00ecff <nil>
	// 1:6: unexpected the number -2: expected "," or ")" after a value
	// 	(1.5 -2)
	// 	     ^
}

func ExampleFormat() {
	text, err := dc.Format("ball.dc", []byte("dclass Ball{setSize(uint8/10 size)ram /*new*/;}"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", text)

	// Output:
	// dclass Ball {
	//   setSize(uint8 / 10 size) ram /*new*/;
	// };
}
