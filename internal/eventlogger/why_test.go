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

// A file whose last line is whole is gone on with, without an empty line between.
func TestFilesAppendToWholeLines(t *testing.T) {
	for there, lines := range map[string]int{"": 2, "old\n": 3, "old\ncut": 4} {
		w, dir := newFiles(t, "e.log", 0, 0)
		name := filepath.Join(dir, "e.log")
		if err := os.WriteFile(name, []byte(there), 0o666); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, w, noon, "a\n")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\n\n") || strings.HasPrefix(string(text), "\n") || strings.Count(string(text), "\n") != lines {
			t.Errorf("behind %q it has become %q", there, text)
		}
	}
}
