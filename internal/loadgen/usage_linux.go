package loadgen

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// ReadUsage reads what the server's process, if pid is not 0, and this one
// have used.
func ReadUsage(pid int) (u Usage, err error) {
	if u.OwnCPU, err = readCPU("self"); err != nil || pid == 0 {
		return u, err
	}
	if u.CPU, err = readCPU(strconv.Itoa(pid)); err != nil {
		return u, err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return u, err
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return u, fmt.Errorf("/proc/%d/statm has no resident size", pid)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	u.RSS = pages * int64(os.Getpagesize())
	return u, err
}

// ticksPerSecond is USER_HZ, in which Linux tells the times of processes on
// all architectures that Go has.
const ticksPerSecond = 100

// readCPU returns the seconds of user and system time of all threads of a
// process.
func readCPU(process string) (float64, error) {
	name := "/proc/" + process + "/stat"
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	// The second field is the program's name in parentheses, which may have
	// blanks; user and system time are the 14th and 15th.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("%s has no times", name)
	}
	var ticks uint64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseUint(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		ticks += n
	}
	return float64(ticks) / ticksPerSecond, nil
}
