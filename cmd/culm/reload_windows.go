package main

// onReload does nothing: Windows has no SIGHUP. A server must be restarted to
// read its certificate again.
func onReload(func()) (stop func()) { return func() {} }
