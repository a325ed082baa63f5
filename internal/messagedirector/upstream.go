package messagedirector

// Upstream is the link to the rest of the cluster: a director above this one
// in a tree, or a mesh. Its methods are called inside the order; they must not
// wait, and they must not call back into the director. What arrives from there
// enters like everything, by [Director.Post] from the participant that
// [Director.SetUpstream] has returned.
type Upstream interface {
	// AddChannel and RemoveChannel tell that somebody here subscribes a
	// channel, or nobody any more. Adding twice is adding once.
	AddChannel(channel uint64)
	RemoveChannel(channel uint64)

	// AddRange and RemoveRange tell the same of all channels from low to
	// high, both included. RemoveRange also ends subscriptions of single
	// channels in the range; those that are still needed follow with
	// AddChannel.
	AddRange(low, high uint64)
	RemoveRange(low, high uint64)

	// AddPostRemove stores a message that is to be sent when this process is
	// lost. ClearPostRemoves forgets all of a sender's; those that are still
	// needed follow with AddPostRemove. The slice is valid only until the
	// call returns.
	AddPostRemove(sender uint64, message []byte)
	ClearPostRemoves(sender uint64)

	// Forward passes on a message that was sent here. It and its bytes are
	// valid only until the call returns.
	Forward(m *Message)
}
