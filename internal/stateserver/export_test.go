package stateserver

// Held is how much the role holds of objects and their children in its tables,
// for tests that have deleted everything.
func (s *StateServer) Held() int {
	o := s.objects
	return o.n + len(o.byAI) + len(o.families) + len(o.here.byZone) + len(o.known.byZone) + len(o.knownAt)
}
