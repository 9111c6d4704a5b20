package contract

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// junitCase is a test case as JUnit's form has it.
type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

func (s junitSuite) write(w io.Writer) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// WriteJUnit writes the report in the form that CI servers read. Of the cases that one defect breaks, the first is the failure.
func (r *Report) WriteJUnit(w io.Writer) error {
	first := map[string]bool{}
	for _, d := range r.defects() {
		first[d.first.Name] = true
	}
	_, _, skipped := r.Count()
	suite := junitSuite{Name: "contract", Tests: len(r.Results), Failures: len(first), Skipped: skipped, Time: seconds(r.Duration)}
	for _, result := range r.Results {
		operation, name, _ := strings.Cut(printable(result.Name), "/")
		one := junitCase{Name: name, Class: operation, Time: seconds(result.Duration)}
		switch {
		case first[result.Name]:
			var lines []string
			for _, v := range result.Violations {
				lines = append(lines, fmt.Sprintf("%s (%s)", v.Message, v.In(r.Document)))
			}
			one.Failure = &junitMessage{printable(result.Violations[0].Message), printable(strings.Join(append(lines, result.Curl), "\n"))}
		case result.Failed():
			one.Output = "It fails as a case before it does."
		case result.Skipped != "":
			one.Skipped = &junitMessage{Message: printable(result.Skipped)}
		}
		suite.Cases = append(suite.Cases, one)
	}
	return suite.write(w)
}

// WriteFindings writes what a proxy has found in the form that CI servers read: a failure for each rule that was broken.
func WriteFindings(w io.Writer, findings []Finding) error {
	suite := junitSuite{Name: "contract proxy", Time: seconds(0)}
	at := map[string]int{}
	for _, f := range findings {
		name := f.By + ": " + f.Rule
		i, known := at[name]
		line := fmt.Sprintf("%s %s %d: %s", f.Method, f.Path, f.Status, f.Message)
		if !known {
			i = len(suite.Cases)
			at[name] = i
			suite.Cases = append(suite.Cases, junitCase{Name: printable(f.Rule), Class: f.By, Time: seconds(0), Failure: &junitMessage{Message: printable(f.Message)}})
		}
		if failure := suite.Cases[i].Failure; len(failure.Text) < maxShown {
			failure.Text += printable(line) + "\n"
		}
	}
	suite.Tests, suite.Failures = len(suite.Cases), len(suite.Cases)
	if len(findings) == 0 {
		suite.Tests, suite.Cases = 1, []junitCase{{Name: "no violation", Class: "proxy", Time: seconds(0)}}
	}
	return suite.write(w)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// printable leaves out what XML cannot hold.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, text)
}
