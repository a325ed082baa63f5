package eventlogger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// retryEvery is how long files waits after a file could not be opened or
// written before it tries again, and how often it looks whether the file is
// still where it was.
const retryEvery = time.Second

// files writes lines to the file that is due. It has one owner, who tells it
// the time.
//
// A file has whole lines only: when a write fails in the middle of one, its
// beginning is taken back. What was in a file before it was opened stays;
// Astron empties it.
type files struct {
	pattern  string
	interval time.Duration // 0: never
	maxSize  int64         // of a file in bytes, 0: no limit; one line may be longer
	open     func(name string, flag int) (file, error)

	f       file
	info    fs.FileInfo // of f when it was opened
	name    string      // of f
	size    int64       // of f
	lines   int         // written to f, the one about its opening not counted
	rotates time.Time   // zero: never
	checks  time.Time   // when to look whether f is still there

	base    string    // the pattern's name of the last file that was opened
	number  int       // which of the files of this name it was
	fresh   bool      // the next file must be a new one
	retryAt time.Time // nothing is tried before

	opened uint64 // files
}

// file is what files needs of an *os.File.
type file interface {
	io.Writer
	io.ReaderAt
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	Close() error
}

func openFile(name string, flag int) (file, error) {
	f, err := os.OpenFile(name, flag, 0o666)
	if err != nil {
		return nil, err // a nil *os.File is no nil file
	}
	return f, nil
}

// write writes whole lines, and rotates between them. It returns how many
// bytes of them were written, which are whole lines too; the others may be
// given again. After an error it writes nothing for retryEvery.
func (w *files) write(now time.Time, lines []byte) (written int, err error) {
	if now.Before(w.retryAt) && !now.Before(w.retryAt.Add(-retryEvery)) { // a clock set back must not stop it
		return 0, nil
	}
	defer func() {
		if err != nil {
			w.retryAt = now.Add(retryEvery)
		}
	}()
	for written < len(lines) {
		if err := w.ready(now, nextLine(lines[written:])); err != nil {
			return written, err
		}
		part := lines[written:]
		if w.maxSize > 0 {
			part = fitting(part, w.maxSize-w.size)
		}
		n, err := w.append(part)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// nextLine is how many bytes the first line has.
func nextLine(lines []byte) int { return bytes.IndexByte(lines, '\n') + 1 }

// fitting returns as many lines as fit into a size, but at least one.
func fitting(lines []byte, size int64) []byte {
	if int64(len(lines)) <= size {
		return lines
	}
	if size > 0 {
		if end := bytes.LastIndexByte(lines[:size], '\n'); end >= 0 {
			return lines[:end+1]
		}
	}
	return lines[:nextLine(lines)]
}

// ready makes f the file into which a line of so many bytes belongs.
func (w *files) ready(now time.Time, length int) error {
	why := "Log opened."
	if w.f != nil && !now.Before(w.checks) {
		w.checks = now.Add(retryEvery)
		// Somebody moved the file away, or deleted it.
		if there, err := os.Stat(w.name); err != nil || !os.SameFile(there, w.info) {
			w.close()
			why = "Log opened: the last file is gone."
		}
	}
	timeOver := w.f != nil && !w.rotates.IsZero() && !now.Before(w.rotates)
	full := w.f != nil && w.maxSize > 0 && w.lines > 0 && w.size+int64(length) > w.maxSize
	if w.f != nil && !timeOver && !full {
		return nil
	}
	if timeOver {
		why = "Log opened: the time of the last file is over."
	} else if full {
		why = "Log opened: the last file is full."
	}
	w.fresh = w.fresh || timeOver || full
	w.close()
	return w.openNext(now, why)
}

// openNext opens the file of this moment. When it must be a new one and there
// is one of its name, it gets the next free number.
func (w *files) openNext(now time.Time, why string) error {
	base := strftime(w.pattern, now)
	if base != w.base {
		w.base, w.number = base, 0
	}
	flag := os.O_RDWR | os.O_APPEND | os.O_CREATE
	if w.fresh {
		flag |= os.O_EXCL
	}
	for {
		name := numbered(base, w.number)
		f, err := w.open(name, flag)
		if w.fresh && errors.Is(err, fs.ErrExist) {
			w.number++
			continue
		}
		if err != nil {
			return fmt.Errorf("the event log %s cannot be opened: %w; lines wait, as far as there is memory for them", name, err)
		}
		w.f, w.name, w.fresh = f, name, false
		break
	}
	w.opened++
	w.size, w.lines = 0, 0
	w.rotates = nextRotation(now, w.interval)
	w.checks = now.Add(retryEvery)
	var err error
	if w.info, err = w.f.Stat(); err != nil {
		w.close()
		return fmt.Errorf("the event log %s: %w", w.name, err)
	}
	w.size = w.info.Size()
	var first []byte
	if w.size > 0 && w.info.Mode().IsRegular() {
		last := make([]byte, 1)
		if _, err := w.f.ReadAt(last, w.size-1); err == nil && last[0] != '\n' {
			first = append(first, '\n') // the last owner of the file died within a line
		}
	}
	first = appendOpened(first, now, why)
	n, err := w.append(first)
	w.lines = 0
	if err != nil && n < len(first) {
		w.close()
		return err
	}
	return nil
}

// appendOpened appends the line that the event logger itself writes into each
// file that it opens.
func appendOpened(dst []byte, now time.Time, why string) []byte {
	event := Event{Type: "log-opened", Sender: "EventLogger", Details: []Detail{{"msg", why}}}
	dst, _ = AppendLine(dst, event.Packet(), now) // an event of ours is none that is refused
	return dst
}

// append writes lines to the file and returns how many bytes of them are in
// it: whole lines.
func (w *files) append(lines []byte) (int, error) {
	n, err := w.f.Write(lines)
	whole := n
	if n < len(lines) {
		whole = bytes.LastIndexByte(lines[:n], '\n') + 1
	}
	w.size += int64(whole)
	w.lines += bytes.Count(lines[:whole], []byte{'\n'})
	if err == nil {
		return whole, nil
	}
	if n > whole {
		if err := w.f.Truncate(w.size); err != nil {
			w.close() // opening it again ends the line
		}
	}
	return whole, fmt.Errorf("the event log %s cannot be written: %w; lines wait, as far as there is memory for them", w.name, err)
}

// close closes the file, if there is one. The next write opens it again.
func (w *files) close() {
	if w.f != nil {
		_ = w.f.Close() // each write was one system call that said how it went
		w.f = nil
	}
}
