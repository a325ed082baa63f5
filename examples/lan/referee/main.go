// Command referee is the AI of the coin game: it lays out coins, and gives one
// to the walker that comes near it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"

	"github.com/culm-net/culm/dc"
	"github.com/culm-net/culm/lan"
	"github.com/culm-net/culm/transport/tcp"
)

const (
	zone  = 1
	coins = 5
	reach = 1.0 // how near a walker must come to a coin
	field = 10  // coins lie between -field and field
)

type spot struct{ x, y float64 }

// referee is what the AI knows. Its events come one after the other, but the
// first coins are laid by main.
type referee struct {
	lan.NoEvents

	mu     sync.Mutex
	coins  map[uint32]spot   // by doId
	purses map[uint32]uint16 // by the walker's doId
}

func (r *referee) Updated(c *lan.Client, u *lan.Update) {
	if u.Field.Name() != "setPos" {
		return
	}
	args, err := u.Args()
	if err != nil {
		fmt.Fprintln(os.Stderr, "referee:", err)
		return
	}
	if err := r.walked(c, u.DoID, spot{args[0].(float64), args[1].(float64)}); err != nil {
		fmt.Fprintln(os.Stderr, "referee:", err)
	}
}

func (r *referee) Deleted(_ *lan.Client, o lan.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.purses, o.DoID)
}

// walked gives a walker the coins that it can reach, and lays new ones.
func (r *referee) walked(c *lan.Client, walker uint32, at spot) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for doID, coin := range r.coins {
		if math.Hypot(coin.x-at.x, coin.y-at.y) > reach {
			continue
		}
		delete(r.coins, doID)
		r.purses[walker]++
		fmt.Printf("walker %d has %d coins\n", walker, r.purses[walker])
		if err := errors.Join(c.Delete(doID), c.Update(walker, "award", r.purses[walker]), r.lay(c)); err != nil {
			return err
		}
	}
	return nil
}

// lay puts a coin somewhere. The caller holds r.mu.
func (r *referee) lay(c *lan.Client) error {
	at := spot{rand.Float64()*2*field - field, rand.Float64()*2*field - field}
	doID, err := c.Create("Coin", zone, lan.Set("setSpot", at.x, at.y))
	if err == nil {
		r.coins[doID] = at
	}
	return err
}

func run(ctx context.Context, addr, file string) error {
	schema, err := dc.ParseFiles(file)
	if err != nil {
		return err
	}
	r := &referee{coins: make(map[uint32]spot), purses: make(map[uint32]uint16)}
	c, err := lan.NewClient(lan.ClientConfig{Schema: schema, Events: r})
	if err != nil {
		return err
	}
	if _, err := tcp.Dial(ctx, addr, tcp.Config{}, c); err != nil {
		return err
	}
	if err := c.Ready(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	for range coins {
		err = errors.Join(err, r.lay(c))
	}
	r.mu.Unlock()
	if err = errors.Join(err, c.SetInterest(zone)); err != nil {
		return err
	}
	c.Flush()
	fmt.Println("the coins are laid")
	select {
	case <-ctx.Done():
		c.Disconnect()
		<-c.Done()
		return nil
	case <-c.Done():
		return errors.New("the server is gone")
	}
}

func main() {
	addr := flag.String("server", "127.0.0.1:4400", "address of the LAN server")
	file := flag.String("dc", "coins.dc", "the game's DC file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *file); err != nil {
		fmt.Fprintln(os.Stderr, "referee:", err)
		os.Exit(1)
	}
}
