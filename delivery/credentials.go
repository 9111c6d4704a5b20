package delivery

import "time"

// oneRest is how long a destination that denied some and took others must deny none before that is told.
const oneRest = time.Minute

// learnCredentials tells when a destination begins to deny this server, and when it has ended that. The pool is locked.
func (p *pool) learnCredentials(d *destination, o outcome) {
	now := p.time.now()
	switch {
	case o.result.denied:
		began := !d.denied
		d.denied, d.deniedOne, d.deniedAt = true, o.result.refused, now
		if began {
			p.tellLater(o, EventCredentialsRefused)
		}
	case d.denied && !o.failed() && (!d.deniedOne || now.sub(d.deniedAt) >= oneRest):
		d.denied = false
		p.tellLater(o, EventCredentialsAccepted)
	}
}
