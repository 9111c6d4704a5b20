package main

import (
	"context"
	"errors"

	"github.com/nudgehq/nudge/delivery/channels"
	"github.com/nudgehq/nudge/server"
	"github.com/nudgehq/nudge/server/challenges"
)

// given is what the flags and their files say.
type given struct {
	accounts   server.Accounts
	challenges foundChallenges
	// push are the channels of --channels; nil without it.
	push *channels.File
	// files are those that are read again when they change, by flag.
	files map[string]settingsFile
}

// read reads what the flags name.
func (s *serving) read() (g given, err error) {
	cmd := s.cmd
	if err := cmd.checkSecrets(); err != nil {
		return g, err
	}
	var accounts settingsFile
	if g.accounts, s.development, accounts, err = cmd.accounts(s.log, &s.watched); err != nil {
		return g, err
	}
	if g.push, err = cmd.channels(s.log); err != nil {
		return g, err
	}
	if g.challenges, err = cmd.challenges(s.log, g.push, &s.watched); err != nil {
		return g, err
	}
	s.example = g.challenges.example
	g.files = map[string]settingsFile{"--accounts": accounts, "--challenges": g.challenges.file, "--challenges-token-file": g.challenges.token}
	if g.push != nil {
		g.files["--channels"] = g.push
	}
	s.files = g.files
	for _, file := range g.files {
		if file != nil {
			s.refreshers = append(s.refreshers, file.Refresh)
		}
	}
	return g, nil
}

// prepare makes all parts but the listeners.
func (s *serving) prepare(ctx context.Context, given given) (err error) {
	cmd := s.cmd
	config := server.Config{
		Accounts: given.accounts, Challenges: given.challenges.directory, CORSOrigins: cmd.CORSOrigin, MaxInFlight: cmd.MaxInflight, MaxBody: cmd.MaxBody,
		MaxAuthFailures: cmd.MaxAuthFailures, TrustedProxies: cmd.TrustedProxy, Observe: s.ops.Observe, Logger: s.log, NoAccessLog: !cmd.AccessLog,
	}
	if s.delivering, err = cmd.deliver(ctx, s.ops, s.development, given, s.log); err != nil {
		return err
	}
	if err := s.watched.read(ctx, s.delivering.shared, s.ops); err != nil {
		return errors.Join(err, s.delivering.Close())
	}
	config.Queue, config.Now = s.delivering.front, s.delivering.clock.Now
	if s.handler, err = server.New(config); err != nil {
		return errors.Join(usageError{err}, s.delivering.Close())
	}
	if given.challenges.remote != nil {
		s.operateRemote(given.challenges.remote)
	}
	s.ops.RegisterInFlight(s.handler.InFlight)
	s.ops.BuildInfo(thisBuild().labels())
	s.ops.Counter("nudge_auth_refusals_total", "Requests refused because too many with wrong credentials came from their address.", s.handler.AuthRefusals)
	return nil
}

// operateRemote gives operators what they see of a team's own service of challenges.
func (s *serving) operateRemote(remote *challenges.Remote) {
	s.ops.Counter("nudge_challenge_lookups_total", "How often the service of --challenges was asked for a challenge.", remote.Asked)
	s.ops.Counter("nudge_challenge_lookups_failed_total", "How often the service of --challenges gave no answer that could be used.", remote.Failed)
	s.ops.Gauge("nudge_challenge_service_failing", "1 while the service of --challenges is left alone but for a probe, because it fails.", func() int {
		if remote.Failing() {
			return 1
		}
		return 0
	})
}
