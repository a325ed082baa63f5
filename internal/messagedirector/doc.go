// Package messagedirector decides which participants get a message. It is the
// middle of a cluster: state servers, client agents and databases in this
// process, AI servers and further daemons behind links, all send to 64-bit
// channels, and whoever has subscribed a channel gets what is sent to it. The
// protocol is Astron's; its rules are told story by story in testdata.
//
// # One order
//
// A [Director] has one queue. A message in it is delivered to all its
// recipients before the next one is looked at, and what roles send because of
// it goes to the end of the queue. So everything that is caused inside one
// process happens as in a single thread, whatever the number of links, objects
// and processors: an AI that creates an object and then updates it on another
// channel may rely on it.
//
// # Who may call what
//
// Code runs either inside the order or outside it. Inside are the calls of
// [Receiver.Receive], of functions given to [Director.Do] and
// [Director.AfterRound], and of [Upstream]; only one of them runs at a time,
// and each must return soon and must not wait. Everything else is outside.
//
//   - From inside, a participant sends with [Director.Emit] and changes its
//     subscriptions with [Director.Subscribe] and the methods next to it,
//     which take effect at once.
//   - From outside, any goroutine fills a [Batch] with messages and with
//     changes to subscriptions, and gives it to [Director.Post], which puts
//     all of it into the queue at once. Other work enters with [Director.Do].
//
// There is no goroutine that owns the queue. Who posts into an idle director
// works the queue off until it is empty, on its own goroutine; who posts into
// one that is at work only leaves its batch. In a test with one goroutine,
// everything that a Post causes has thus happened when it returns.
//
// Reading, splitting, checking and encoding belong outside, in as many
// goroutines as there are processors. What a link is sent is only appended to
// its queue inside; it is written outside.
package messagedirector
