package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/nudgehq/nudge/delivery"
)

// ErrNobody means that nobody listens on a subject.
var ErrNobody = errors.New("cluster: nobody listens")

// Bus carries what nodes ask each other. Nothing of it is kept.
type Bus interface {
	// Request asks those who listen on a subject, and gives the first answer. The error is ErrNobody when nobody listens, or
	// ctx's.
	Request(ctx context.Context, subject string, question []byte) ([]byte, error)
	// Publish tells all who listen on a subject.
	Publish(subject string, data []byte) error
	// Listen gives what is published on a subject to each, in its order, until stop is called.
	Listen(subject string, each func(data []byte)) (stop func(), err error)
	// Handle listens on a subject until stop is called, and answers; nil is no answer.
	Handle(subject string, answer func(question []byte) []byte) (stop func(), err error)
}

// The subjects: a partition's, on which its owner listens; a node's; and that of all nodes.
func ofOwner(partition int) string { return "own." + strconv.Itoa(partition) }
func ofNode(id string) string      { return "node." + id }

const (
	ofAll    = "nodes"
	ofEvents = "events"
)

// told is an event that a node tells the others.
type told struct {
	Node  string         `json:"node"`
	Event delivery.Event `json:"event"`
}

// question is what one node asks another; one field is set.
type question struct {
	// Here tells a partition's owner which devices are connected to a node.
	Here *here `json:"here,omitempty"`
	// Wake asks a partition's owner to try what waits for a device that has connected to a node.
	Wake *wake `json:"wake,omitempty"`
	// Acknowledge tells that a device has a notification.
	Acknowledge *acknowledgement `json:"acknowledge,omitempty"`
	// Deliver asks for an attempt: a node for one to the devices that are connected to it, an owner for one to wherever its device
	// is.
	Deliver *attempt `json:"deliver,omitempty"`
	// Devices asks all nodes which devices of a partition they have; each tells the owner.
	Devices *int `json:"devices,omitempty"`
	// Find asks for a record.
	Find string `json:"find,omitempty"`
}

type here struct {
	Node    string            `json:"node"`
	Devices []delivery.Device `json:"devices"`
}

type wake struct {
	Node   string            `json:"node"`
	Device delivery.Device   `json:"device"`
	After  delivery.Position `json:"after"`
	Limit  int               `json:"limit"`
}

type acknowledgement struct {
	Device delivery.Device `json:"device"`
	SID    string          `json:"sid"`
}

type attempt struct {
	Notification delivery.Notification `json:"notification"`
	Number       int                   `json:"number"`
	Remaining    time.Duration         `json:"remaining"`
}

// answer is what is said to a question.
type answer struct {
	// Failed is empty, or why there is nothing else.
	Failed failure `json:"failed,omitempty"`
	// Sent tells that a device was sent the notification, Reason why not.
	Sent bool `json:"sent,omitempty"`
	// Absent tells that the device is not connected there.
	Absent bool   `json:"absent,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Last and More are those of Queue.WakeSome.
	Last   *delivery.Position `json:"last,omitempty"`
	More   bool               `json:"more,omitempty"`
	Record *delivery.Record   `json:"record,omitempty"`
}

// failure is the kind of an error.
type failure string

const (
	notFound    failure = "not found"
	unavailable failure = "unavailable"
)

func failureOf(err error) failure {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, delivery.ErrNotFound):
		return notFound
	}
	return unavailable
}

// err is the error of a failure.
func (f failure) err() error {
	switch f {
	case "":
		return nil
	case notFound:
		return delivery.ErrNotFound
	}
	return delivery.ErrUnavailable
}

// encode writes a question or an answer, which can always be written.
func encode(v any) []byte {
	data, _ := json.Marshal(v)
	return data
}
