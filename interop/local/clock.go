package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// stepsVariable names the file that says by how many seconds a node's clock is wrong.
const stepsVariable = "NUDGE_CLOCK_STEPS_FILE"

// stepsSource is a file of package time that reads it. It is compiled into the nodes of a cluster with Options.ClockSteps, and into
// nothing else.
const stepsSource = `package time

import (
	"sync/atomic"
	"syscall"
)

var stepped atomic.Int64

func init() {
	name, ok := syscall.Getenv("` + stepsVariable + `")
	if !ok {
		return
	}
	go func() {
		buffer := make([]byte, 32)
		for {
			if file, err := open(name); err == nil {
				n, _ := read(file, buffer)
				closefd(file)
				var seconds, sign int64 = 0, 1
				for _, c := range buffer[:max(n, 0)] {
					switch {
					case c == '-':
						sign = -1
					case '0' <= c && c <= '9':
						seconds = 10*seconds + int64(c-'0')
					}
				}
				stepped.Store(sign * seconds)
			}
			Sleep(20 * Millisecond)
		}
	}()
}
`

// clockOverlay writes what go build -overlay takes for a program whose wall clock can be stepped: time.Now is changed as the machine's
// clock would be, and elapsed time is not.
func clockOverlay(module, dir string) (string, error) {
	ask := exec.Command("go", "env", "GOROOT")
	ask.Dir = module
	root, err := ask.Output()
	if err != nil {
		return "", err
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	text, err := os.ReadFile(filepath.Join(source, "time.go"))
	if err != nil {
		return "", err
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	changed := strings.Replace(string(text), now, now+"\tsec += stepped.Load()\n", 1)
	if changed == string(text) {
		return "", errors.New("time.Now of this Go is another one than is known")
	}
	overlay := map[string]string{filepath.Join(source, "time.go"): filepath.Join(dir, "time.go.txt"), filepath.Join(source, "stepped.go"): filepath.Join(dir, "stepped.go.txt")}
	file, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, errors.Join(
		os.WriteFile(filepath.Join(dir, "time.go.txt"), []byte(changed), 0o600),
		os.WriteFile(filepath.Join(dir, "stepped.go.txt"), []byte(stepsSource), 0o600),
		os.WriteFile(name, file, 0o600),
	)
}

// StepClock sets a node's wall clock wrong by so much, in whole seconds.
func (n *Node) StepClock(by time.Duration) error {
	// Written aside, so that nobody reads half of it.
	aside := n.clock + ".new"
	if err := os.WriteFile(aside, fmt.Appendf(nil, "%d\n", int64(by.Seconds())), 0o600); err != nil {
		return err
	}
	if err := os.Rename(aside, n.clock); err != nil {
		return err
	}
	return n.shows(by)
}

// shows waits until the node's answers are dated by its wrong clock. One that does not answer is not asked.
func (n *Node) shows(by time.Duration) error {
	var wrong time.Duration
	for range 50 {
		answer, err := http.Get(n.OpsURL + "/healthz") //nolint:noctx // It is on loopback.
		if err != nil {
			return nil
		}
		_ = answer.Body.Close()
		date, err := http.ParseTime(answer.Header.Get("Date"))
		if err != nil {
			return err
		}
		if wrong = time.Until(date) - by; wrong.Abs() < 3*time.Second {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the clock of %s is not wrong by %s: it is off from that by %s", n.Name, by, wrong)
}
