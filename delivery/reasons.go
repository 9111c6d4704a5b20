package delivery

import "sync"

// maxReasons bounds how many different reasons are remembered; further ones are told in general.
const maxReasons = 4096

// reasons gives each text a number, which takes an entry two bytes.
type reasons struct {
	mu      sync.Mutex
	texts   []string
	numbers map[string]uint16
}

// number gives the number of a reason; 0 stands for none.
func (r *reasons) number(text string) uint16 {
	if text == "" {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, ok := r.numbers[text]; ok {
		return n
	}
	if len(r.texts) >= maxReasons {
		return maxReasons + 1
	}
	if r.numbers == nil {
		r.numbers = map[string]uint16{}
	}
	r.texts = append(r.texts, text)
	r.numbers[text] = uint16(len(r.texts))
	return uint16(len(r.texts))
}

// text gives the reason with a number.
func (r *reasons) text(number uint16) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case number == 0:
		return ""
	case int(number) > len(r.texts):
		return "the attempt failed"
	}
	return r.texts[number-1]
}
