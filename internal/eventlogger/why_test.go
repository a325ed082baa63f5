package eventlogger

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Each file begins with why it was opened; numbers begin anew with another name.
func TestFilesSayWhyTheyWereOpened(t *testing.T) {
	w, dir := newFiles(t, "e-%H.log", time.Hour, 400)
	line := strings.Repeat("x", 199) + "\n"
	mustWrite(t, w, noon, line)
	mustWrite(t, w, noon, line)
	mustWrite(t, w, noon.Add(time.Hour), line)
	if err := os.Rename(w.name, w.name+".old"); err != nil {
		t.Skip("this system does not let a file be moved that is open: run this on another one")
	}
	mustWrite(t, w, noon.Add(time.Hour+retryEvery), line)
	hour := noon.Format("15")
	next := noon.Add(time.Hour).Format("15")
	for name, want := range map[string]string{
		"e-" + hour + ".log":     "Log opened.",
		"e-" + hour + ".1.log":   "Log opened: the last file is full.",
		"e-" + next + ".log.old": "Log opened: the time of the last file is over.",
		"e-" + next + ".log":     "Log opened: the last file is gone.",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if first, _, _ := strings.Cut(string(text), "\n"); !strings.Contains(first, `"msg":"`+want+`"`) {
			t.Errorf("%s begins with %s, not with %q", name, first, want)
		}
	}
}
