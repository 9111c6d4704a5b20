package ops

import (
	"net/http"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// Backup lets POST /store/backup?data=DIR&to=DIR copy the store into a directory of this machine that is not there yet; data, if
// it is given, is the directory that the caller takes for the store's.
func (o *Ops) Backup(backup func(data, to string) error) {
	o.actions["/store/backup"] = func(w http.ResponseWriter, r *http.Request) {
		to := r.FormValue("to")
		if to == "" {
			text(w, http.StatusBadRequest, "to must be a directory that is not there yet")
			return
		}
		// Copying to another disk may take long.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		if err := backup(r.FormValue("data"), to); err != nil {
			text(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
		text(w, http.StatusOK, "done")
	}
}

// RevokeTokens lets POST /devices/revoke?service=VA…&identity=… end what a device's tokens are good for, and its streams.
func (o *Ops) RevokeTokens(revoke func(d delivery.Device) error) {
	o.actions["/devices/revoke"] = func(w http.ResponseWriter, r *http.Request) {
		d := delivery.Device{ServiceSID: r.FormValue("service"), Identity: r.FormValue("identity")}
		if d.ServiceSID == "" || d.Identity == "" {
			text(w, http.StatusBadRequest, "service and identity are needed")
			return
		}
		if err := revoke(d); err != nil {
			text(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		text(w, http.StatusOK, "done")
	}
}
