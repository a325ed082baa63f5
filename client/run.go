package client

import (
	"context"
	"time"
)

// Run drives the client until ctx is done, or until it ends by itself: it calls
// Frame as often as Config.FrameRate says, and when Do has something. When ctx is
// done it has done what was queued, closes the client, and returns nil; else the
// error says why the client has ended. It waits until the connection is gone.
// Nobody else may call Frame meanwhile.
func (c *Client) Run(ctx context.Context) error {
	ticker := time.NewTicker(time.Second / time.Duration(c.config.FrameRate))
	defer ticker.Stop()
	defer c.Wait()
	for {
		c.Frame(c.config.Now())
		if c.state == Ended {
			return c.err
		}
		select {
		case <-ctx.Done():
			c.runQueue()
			c.Close()
			return nil
		case <-ticker.C:
		case <-c.wakeup:
		}
	}
}
