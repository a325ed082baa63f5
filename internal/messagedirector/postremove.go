package messagedirector

import (
	"cmp"
	"slices"
)

// postRemoves are the messages to be sent when a participant has left.
type postRemoves struct {
	senders []sender // ascending by channel
	bytes   int      // of all messages, each with postRemoveCost
}

// sender is the key that post-removes are cleared by.
type sender struct {
	channel  uint64
	messages [][]byte // in the order of arrival
}

// maxPostRemove is the length of the longest post-remove: it travels within a
// control message.
const maxPostRemove = MaxMessage - controlHead - 8 - 2

// postRemoveCost is what a post-remove counts besides its bytes.
const postRemoveCost = 64

func (p *postRemoves) find(channel uint64) (int, bool) {
	return slices.BinarySearchFunc(p.senders, channel, func(s sender, ch uint64) int { return cmp.Compare(s.channel, ch) })
}

// add reports whether the sender is new.
func (p *postRemoves) add(channel uint64, message []byte) (first bool) {
	i, ok := p.find(channel)
	if !ok {
		p.senders = slices.Insert(p.senders, i, sender{channel: channel})
	}
	p.senders[i].messages = append(p.senders[i].messages, slices.Clone(message))
	p.bytes += len(message) + postRemoveCost
	return !ok
}

// clear reports whether there were any of the sender.
func (p *postRemoves) clear(channel uint64) bool {
	i, ok := p.find(channel)
	if !ok {
		return false
	}
	for _, m := range p.senders[i].messages {
		p.bytes -= len(m) + postRemoveCost
	}
	p.senders = slices.Delete(p.senders, i, i+1)
	return true
}

// of returns the messages of a sender.
func (p *postRemoves) of(channel uint64) [][]byte {
	if i, ok := p.find(channel); ok {
		return p.senders[i].messages
	}
	return nil
}
