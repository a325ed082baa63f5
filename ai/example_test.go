package ai_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"sync"
	"time"

	"github.com/culm-net/culm/ai"
	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/internal/cluster"
)

// A login UberDOG that makes an avatar for whoever names itself, in a district
// of its own; and somebody who watches the district.
func Example() {
	schema, err := dc.ParseFiles("testdata/game.dc")
	if err != nil {
		log.Fatal(err)
	}
	address, stop := serveGame(schema)
	defer stop()

	a, err := ai.New(ai.Config{Schema: schema, Address: address, Channel: 1_000_000, FirstID: 1_000_001, LastID: 1_999_999, Log: quiet})
	if err != nil {
		log.Fatal(err)
	}
	a.Do(func() {
		district, err := a.Create(ai.Create{Class: "District", Fields: map[string]any{"setTitle": []any{"Home"}}})
		if err != nil {
			log.Fatal(err)
		}
		if _, err := a.UberDOG(4665, "Login", login{district}); err != nil {
			log.Fatal(err)
		}
	})
	watcher, err := ai.New(ai.Config{Schema: schema, Address: address, Channel: 2_000_000, Log: quiet})
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	watcher.Do(func() {
		watcher.Watch(1_000_001, []uint32{1}, func(o *ai.Object) any {
			name, _ := o.Get("setName")
			fmt.Println("there is", name[0])
			close(done)
			return nil
		}, func(error) {
			// A client would do this.
			if err := watcher.Update(4665, "Login", "login", "Ann"); err != nil {
				log.Fatal(err)
			}
		})
	})

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = a.Run(ctx) })
	running.Go(func() { _ = watcher.Run(ctx) })
	<-done
	cancel()
	running.Wait()
	// Output: there is Ann
}

// login handles what clients send to the Login UberDOG.
type login struct{ district *ai.Object }

func (l login) Update(o *ai.Object, sender uint64, f *dc.Field, args []byte) {
	values, err := f.Unpack(args)
	if err != nil {
		return // it was checked
	}
	_, err = o.AI().Create(ai.Create{
		Class:  "Avatar",
		Parent: l.district.ID(),
		Zone:   1,
		Owner:  sender,
		Fields: map[string]any{"setName": []any{values[0]}},
	})
	if err != nil {
		log.Print(err)
		return
	}
	o.AI().Session(sender).SetState(ai.StateEstablished)
}

var quiet = slog.New(slog.DiscardHandler)

// serveGame is "culm serve game.dc" on a free port.
func serveGame(schema *dc.Schema) (address string, stop func()) {
	config, err := cluster.Parse("", []byte("messagedirector: {bind: '127.0.0.1:0'}\nroles: [{type: stateserver, control: 4002}]"))
	if err != nil {
		log.Fatal(err)
	}
	server, err := cluster.New(config, schema, time.Second, quiet)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ctx) })
	return server.Parts()[0].Addrs[0].String(), func() {
		cancel()
		serving.Wait()
	}
}
