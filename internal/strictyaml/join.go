package strictyaml

import (
	"encoding/json"
	"fmt"
)

// Join makes one file of several, each of which has one entry of a list and is JSON. Each entry is on a line of its own.
func Join(list string, files [][]byte) ([]byte, error) {
	if len(files) == 0 {
		return []byte(list + ": []\n"), nil
	}
	text := []byte(list + ":\n")
	for _, file := range files {
		var content map[string][]json.RawMessage
		if err := json.Unmarshal(file, &content); err != nil || len(content[list]) != 1 {
			return nil, fmt.Errorf("an entry is not one of %s in JSON", list)
		}
		text = append(append(append(text, "  - "...), content[list][0]...), '\n')
	}
	return text, nil
}
