// The official Node SDK, unchanged, against a running nudge: NUDGE_URL says where, NUDGE_ACCOUNT who.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const twilio = require('twilio');

const [sid, token] = process.env.NUDGE_ACCOUNT.split(':');
const service = 'VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const identity = 'ff483d1ff591898a9942916050d2ca3f';
const challenge = 'YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const named = (code) => `YC${String(code).padStart(32, '0')}`;

function notifications(challengeSid = challenge, authToken = token) {
  const client = twilio(sid, authToken);
  client.verify.baseUrl = process.env.NUDGE_URL;
  return client.verify.v2.services(service).entities(identity).challenges(challengeSid).notifications;
}

for (const [name, params, ttl] of [
  ['with a TTL', { ttl: 150 }, 150],
  ['without a TTL', undefined, 300],
  ['with a TTL of 0', { ttl: 0 }, 0],
]) {
  test(`creates a notification ${name}`, async () => {
    const n = await notifications().create(params);
    assert.match(n.sid, /^NT[0-9a-f]{32}$/);
    assert.equal(n.ttl, ttl);
    assert.equal(n.accountSid, sid);
    assert.equal(n.serviceSid, service);
    assert.equal(n.challengeSid, challenge);
    assert.equal(n.identity, identity);
    assert.equal(n.priority, 'high');
    assert.ok(n.dateCreated instanceof Date && !Number.isNaN(n.dateCreated.getTime()));
  });
}

for (const [name, call, status, code] of [
  ['400 for a TTL of 301', () => notifications().create({ ttl: 301 }), 400, 60200],
  ['401 for a wrong token', () => notifications(challenge, 'wrong0token').create(), 401, 20003],
  ['404 for an unknown challenge', () => notifications(named(20404)).create(), 404, 20404],
  ['403 for an expired challenge', () => notifications(named(60323)).create(), 403, 60323],
  ['429 for one too many', () => notifications(named(60309)).create(), 429, 60309],
]) {
  test(`gets a typed ${name}`, async () => {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof twilio.RestException, String(error));
      assert.equal(error.status, status);
      assert.equal(error.code, code);
      assert.equal(error.moreInfo, `https://www.twilio.com/docs/errors/${code}`);
      return true;
    });
  });
}
