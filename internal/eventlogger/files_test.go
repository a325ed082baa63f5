package eventlogger

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// show returns the files of a folder as "NAME: line line …", where a line is
// its text, and ">" for those that the event logger writes itself.
func show(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			t.Errorf("%s does not end with a line", e.Name())
		}
		out.WriteString(e.Name() + ":")
		for l := range strings.Lines(string(text)) {
			if strings.Contains(l, "log-opened") {
				if !json.Valid([]byte(l)) {
					t.Errorf("%s is not JSON", l)
				}
				l = ">"
			}
			out.WriteString(" " + strings.TrimSpace(l))
		}
		out.WriteString("\n")
	}
	return out.String()
}

func newFiles(t *testing.T, pattern string, interval time.Duration, size int64) (w *files, dir string) {
	dir = t.TempDir()
	w = &files{pattern: EscapePattern(dir+string(filepath.Separator)) + pattern, interval: interval, maxSize: size, open: openFile}
	t.Cleanup(w.close)
	return w, dir
}

func mustWrite(t *testing.T, w *files, now time.Time, lines string) {
	t.Helper()
	if n, err := w.write(now, []byte(lines)); n != len(lines) || err != nil {
		t.Fatalf("wrote %d of %d bytes, %v", n, len(lines), err)
	}
}

func TestFilesRotateByInterval(t *testing.T) {
	w, dir := newFiles(t, "e-%d-%H%M.log", 6*time.Hour, 0)
	for _, step := range []struct {
		at    string
		lines string
	}{
		{"20 12:00", "a\n"},
		{"20 17:59", "b\nc\n"},
		{"20 18:00", "d\n"},
		{"21 07:30", "e\n"}, // nothing came in between: no empty files
		{"21 11:59", "f\n"},
		{"21 12:00", "g\n"},
	} {
		now, err := time.ParseInLocation("2006-01-02 15:04", "2026-11-"+step.at, cet)
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, w, now, step.lines)
	}
	want := "e-20-1200.log: > a b c\ne-20-1800.log: > d\ne-21-0730.log: > e f\ne-21-1200.log: > g\n"
	if got := show(t, dir); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestFilesRotateBySizeBetweenLines(t *testing.T) {
	opened := int64(len(appendOpened(nil, noon, "Log opened: the last file is full.")))
	w, dir := newFiles(t, "e.log", 0, opened+8)
	mustWrite(t, w, noon, "first line, as the first opening is short\naaa\nbbb\nccc\n")
	mustWrite(t, w, noon, "ddd\n")
	mustWrite(t, w, noon, "a line that is longer than the room in a file\n")
	mustWrite(t, w, noon, "eee\n")
	want := "e.1.log: > aaa bbb\ne.2.log: > ccc ddd\ne.3.log: > a line that is longer than the room in a file\ne.4.log: > eee\n" +
		"e.log: > first line, as the first opening is short\n"
	if got := show(t, dir); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if w.opened != 5 {
		t.Errorf("%d files opened", w.opened)
	}
}

// What is in a file stays when the event logger is started again, and a line that was
// cut short by the death of the last one does not spoil the next.
func TestFilesAppendToWhatIsThere(t *testing.T) {
	w, dir := newFiles(t, "e.log", Day, 0)
	if err := os.WriteFile(filepath.Join(dir, "e.log"), []byte("old\ncut"), 0o666); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, w, noon, "a\n")
	mustWrite(t, w, noon.Add(Day), "b\n") // a new file, although the pattern knows only one name
	if got, want := show(t, dir), "e.1.log: > b\ne.log: old cut > a\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestFilesComeBackWhenDeleted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not delete files that are open: run this on another system")
	}
	w, dir := newFiles(t, "e.log", 0, 0)
	mustWrite(t, w, noon, "a\n")
	if err := os.Rename(filepath.Join(dir, "e.log"), filepath.Join(dir, "moved.log")); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, w, noon.Add(retryEvery/2), "b\n") // not looked yet
	mustWrite(t, w, noon.Add(retryEvery), "c\n")
	if got, want := show(t, dir), "e.log: > c\nmoved.log: > a b\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// The folder is not there at first: F23's neighbour, which Astron's test for
// configurations relies on.
func TestFilesWaitForTheirFolder(t *testing.T) {
	w, dir := newFiles(t, "later/e.log", 0, 0)
	if n, err := w.write(noon, []byte("a\n")); n != 0 || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("wrote %d, %v", n, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "later"), 0o777); err != nil {
		t.Fatal(err)
	}
	if n, err := w.write(noon.Add(retryEvery/2), []byte("a\n")); n != 0 || err != nil {
		t.Fatalf("tried too early: wrote %d, %v", n, err)
	}
	mustWrite(t, w, noon.Add(retryEvery), "a\n")
	if got, want := show(t, filepath.Join(dir, "later")), "e.log: > a\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestFilesDoNotWaitForAClockThatWasSetBack(t *testing.T) {
	w, dir := newFiles(t, "later/e.log", 0, 0)
	if _, err := w.write(noon, []byte("a\n")); err == nil {
		t.Fatal("written to a folder that is not there")
	}
	if err := os.Mkdir(filepath.Join(dir, "later"), 0o777); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, w, noon.Add(-time.Hour), "a\n")
}

// smallDisk is a file on a disk with room for so many bytes more.
type smallDisk struct {
	file
	room      *int
	truncates bool
}

func (f smallDisk) Write(b []byte) (int, error) {
	if len(b) <= *f.room {
		*f.room -= len(b)
		return f.file.Write(b)
	}
	n, err := f.file.Write(b[:*f.room])
	*f.room -= n
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f smallDisk) Truncate(size int64) error {
	if !f.truncates {
		return errors.New("not this file")
	}
	return f.file.Truncate(size)
}

// A full disk leaves whole lines only, and writing goes on where it stopped.
func TestFilesOnAFullDisk(t *testing.T) {
	first := len(appendOpened(nil, noon, "Log opened."))
	for _, test := range []struct {
		name      string
		room      int
		truncates bool
		written   int
		want      string
	}{
		{"within the first line", first + 2, true, 0, "> aaa bbb ccc"},
		{"after a line", first + 4, true, 4, "> aaa bbb ccc"},
		{"within the second line", first + 5, true, 4, "> aaa bbb ccc"},
		{"within a line that cannot be taken back", first + 5, false, 4, "> aaa b > bbb ccc"},
		{"within the opening line", 3, true, 0, "> aaa bbb ccc"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, dir := newFiles(t, "e.log", 0, 0)
			room := test.room
			w.open = func(name string, flag int) (file, error) {
				f, err := openFile(name, flag)
				return smallDisk{f, &room, test.truncates}, err
			}
			lines := []byte("aaa\nbbb\nccc\n")
			n, err := w.write(noon, lines)
			if n != test.written || !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("wrote %d, %v, want %d", n, err, test.written)
			}
			room = 1 << 20
			mustWrite(t, w, noon.Add(retryEvery), string(lines[n:]))
			if got, want := show(t, dir), "e.log: "+test.want+"\n"; got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestOpeningSaysWhy(t *testing.T) {
	got := appendOpened(nil, noon, "Log opened.")
	want := stamp + `,"type":"log-opened","sender":"EventLogger","msg":"Log opened."}` + "\n"
	if !bytes.Equal(got, []byte(want)) {
		t.Errorf("got %s, want %s", got, want)
	}
}
