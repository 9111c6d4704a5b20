package mutant

import "github.com/nudgehq/nudge/internal/documented"

// patterns are those of the path's parameters, changed by some defects.
func (s *server) patterns() (service, identity, sid string) {
	va, yc := documented.Prefix("ServiceSid"), documented.Prefix("ChallengeSid")
	service, sid = documented.Parameters["ServiceSid"].Pattern.String(), documented.Parameters["ChallengeSid"].Pattern.String()
	identity = documented.Parameters["Identity"].Pattern.String()
	switch s.defect {
	case "does not check ServiceSid":
		service = ``
	case "does not anchor the start of ServiceSid's pattern":
		service = va + `[0-9a-fA-F]{32}$`
	case "does not anchor the end of ServiceSid's pattern":
		service = `^` + va + `[0-9a-fA-F]{32}`
	case "takes any letters for hexadecimal digits":
		service, sid = `^`+va+`[0-9a-zA-Z]{32}$`, `^`+yc+`[0-9a-zA-Z]{32}$`
	case "refuses hexadecimal digits in upper case":
		service, sid = `^`+va+`[0-9a-f]{32}$`, `^`+yc+`[0-9a-f]{32}$`
	case "takes a challenge's SID for a service's":
		service = `^(` + va + `|` + yc + `)[0-9a-fA-F]{32}$`
	case "takes ChallengeSid with another prefix":
		sid = `^[A-Z]{2}[0-9a-fA-F]{32}$`
	case "allows a line feed after ChallengeSid":
		sid = `^` + yc + `[0-9a-fA-F]{32}\n?$`
	case "accepts an underscore in Identity":
		identity = `^[0-9a-zA-Z_]+(-[0-9a-zA-Z_]+)*$`
	case "accepts a dash after Identity":
		identity = `^[0-9a-zA-Z]+(-[0-9a-zA-Z]+)*-?$`
	case "accepts two dashes in Identity":
		identity = `^[0-9a-zA-Z]+(-+[0-9a-zA-Z]+)*$`
	case "accepts letters of other alphabets in Identity":
		identity = `^[0-9\pL]+(-[0-9\pL]+)*$`
	}
	return service, identity, sid
}

func (s *server) checkPath(c challenge) *failure {
	bounds := documented.Parameters["Identity"]
	least, most := bounds.MinLength, bounds.MaxLength
	switch s.defect {
	case "accepts an Identity that is too short":
		least--
	case "refuses the shortest Identity":
		least++
	case "accepts an Identity that is too long":
		most++
	case "refuses the longest Identity":
		most--
	}
	length := len([]rune(c.identity))
	for _, p := range []struct {
		name, value string
		ok          bool
	}{
		{"ServiceSid", c.service, s.service.MatchString(c.service)},
		{"Identity", c.identity, length >= least && length <= most && s.identity.MatchString(c.identity)},
		{"ChallengeSid", c.sid, s.challenge.MatchString(c.sid)},
	} {
		if p.ok {
			continue
		}
		if s.is("answers 500 to an invalid path parameter") {
			return &failure{status: 500, code: 20500, message: "An internal error has occurred"}
		}
		message := "Invalid path parameter: " + p.name
		if s.is("repeats the beginning of a wrong parameter") {
			message += " " + string([]rune(p.value)[:min(20, len([]rune(p.value)))])
		}
		if s.is("repeats the path") {
			message += " " + p.value
		}
		return &failure{status: 400, code: 60306, message: message, in: "path", field: p.name}
	}
	return nil
}
