package cluster

import (
	"os"
	"strings"
	"testing"
)

func TestCheckFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	writeCertificate(t, ".", "a")
	writeCertificate(t, ".", "b")
	for _, name := range []string{"game.dc", "empty"} {
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	parse := func(text string) *Config {
		t.Helper()
		c, err := Parse("c.yml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}

	good := parse(`
general: {dc_files: [game.dc]}
messagedirector: {tls: {certificate: a.pem, key: a.key, client_ca: b.pem}, connect_tls: {}}
roles:
- {type: stateserver, control: 1000}
- {type: clientagent, channels: {min: 1000, max: 1000}, tls: {certificate: b.pem, key: b.key}, websocket: {bind: "h:0", tls: {certificate: b.pem, key: b.key}}}
`)
	if err := good.CheckFiles(); err != nil {
		t.Error(err)
	}

	bad := parse(`general: {dc_files: [game.dc, none.dc]}
messagedirector:
  tls: {certificate: a.pem, key: b.key, client_ca: empty}
  connect_tls:
    ca: none.pem
    certificate: empty
    key: a.key
roles:
- type: clientagent
  channels: {min: 1000, max: 1000}
  tls: {certificate: none.pem, key: none.key}
`)
	err := bad.CheckFiles()
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{
		"c.yml:1: general.dc_files[1]: open none.dc: ",
		"c.yml:3: messagedirector.tls: a.pem and b.key are not a certificate and its key: ",
		"c.yml:3: messagedirector.tls.client_ca: there is no certificate in empty",
		"c.yml:4: messagedirector.connect_tls: empty and a.key are not a certificate and its key: ",
		"c.yml:5: messagedirector.connect_tls.ca: open none.pem: ",
		"c.yml:11: roles[0].tls.certificate: open none.pem: ",
		"c.yml:11: roles[0].tls.key: open none.key: ",
	}
	if len(lines) != len(want) {
		t.Fatalf("got\n%v\nwant\n%s", err, strings.Join(want, "\n"))
	}
	for i := range lines {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("got  %s\nwant %s…", lines[i], want[i])
		}
	}
}
