package cluster

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// Anchors and aliases are a part of YAML, also in Astron's files; one that stands
// for itself is a fault like others.
func TestAnchors(t *testing.T) {
	c, err := Parse("c.yml", []byte(`
roles:
- {type: clientagent, bind: "127.0.0.1:1", channels: &range {min: &low 5000, max: 5009}}
- {type: clientagent, bind: "127.0.0.1:2", channels: *range}
- {type: stateserver, control: *low}
`))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := c.Roles[0].ClientAgent.Channels, c.Roles[1].ClientAgent.Channels; !reflect.DeepEqual(a, b) || c.Roles[2].StateServer.Control != 5000 {
		t.Errorf("%v, %v and %v", a, b, c.Roles[2].StateServer.Control)
	}
	for _, text := range []string{"uberdogs: &x [*x]", "roles: &x\n- {type: stateserver, control: *x}", "roles: *nowhere"} {
		if _, err := Parse("c.yml", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "c.yml:") {
			t.Errorf("%s: %v", text, err)
		}
	}
	// Ten levels of ten are ten thousand million values.
	bomb := "a: &a0 [1]\n"
	for i := range 10 {
		n := string(rune('0' + i))
		bomb += "b" + n + ": &a" + string(rune('1'+i)) + " [" + strings.Repeat("*a"+n+", ", 10) + "]\n"
	}
	done := make(chan error, 1)
	go func() {
		_, err := Parse("c.yml", []byte(bomb+"uberdogs: *a9\n"))
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("accepted")
		}
	case <-time.After(time.Minute):
		t.Fatal("aliases of aliases are followed without end")
	}
}

// The files of a WebSocket's section are looked at as well.
func TestCheckFilesOfWebSockets(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Parse("c.yml", []byte(`roles:
- type: clientagent
  channels: {min: 1000, max: 1000}
  websocket:
    bind: "h:0"
    tls: {certificate: none.pem, key: none.key}
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckFiles(); err == nil || !strings.Contains(err.Error(), "c.yml:6: roles[0].websocket.tls.certificate: open none.pem: ") {
		t.Errorf("%v", err)
	}
}
