// The receivers of examples/webhooks get what nudge sends, and refuse what is forged: NUDGE says which program, PYTHON which Python,
// RECEIVER where the one in Go is built.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const account = 'ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:dev0token';
const challenge = '/v2/Services/VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Entities/ff483d1ff591898a9942916050d2ca3f/Challenges/YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Notifications';
const examples = path.join(__dirname, '..', '..', 'examples', 'webhooks');
const secret = `whsec_${crypto.randomBytes(32).toString('base64')}`;

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

// run starts a program; line waits for one that matches, of what it has printed and prints.
function run(t, program, args, env) {
  const child = spawn(program, args, { cwd: __dirname, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  let printed = '';
  const waiting = new Set();
  child.stdout.on('data', (part) => { printed += part; for (const look of waiting) look(); });
  const ended = new Promise((resume) => { child.once('exit', resume); });
  t.after(() => { child.kill('SIGTERM'); return ended; });
  return {
    line: (pattern) => new Promise((found, fail) => {
      const look = () => {
        const match = printed.match(pattern);
        if (match) { waiting.delete(look); found(match); }
      };
      waiting.add(look);
      child.once('exit', (code) => fail(new Error(`it ended with ${code}`)));
      look();
    }),
  };
}

// answers asks until somebody listens.
async function answers(url, init) {
  for (;;) {
    try {
      return (await fetch(url, init)).status;
    } catch {
      await new Promise((resume) => { setTimeout(resume, 50); });
    }
  }
}

for (const [language, program, args] of [
  ['Go', process.env.RECEIVER, []],
  ['Node', 'node', ['--input-type=module', '--eval', fs.readFileSync(path.join(examples, 'receiver.mjs'), 'utf8')]],
  ['Python', process.env.PYTHON, [path.join(examples, 'receiver.py')]],
  ['Java', 'java', [path.join(examples, 'Receiver.java')]],
]) {
  test(`the receiver in ${language} takes what is signed, and nothing else`, { timeout: 120_000 }, async (t) => {
    const port = await freePort();
    const receiver = run(t, program, args, { PORT: String(port), WEBHOOK_SECRET: secret });
    const body = '{"sid":"NTforged"}';
    const now = Math.floor(Date.now() / 1000);
    const sign = (time) => `v1,${crypto.createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`NT1.${time}.${body}`).digest('base64')}`;
    const send = (time, signature) => answers(`http://127.0.0.1:${port}/`, { method: 'POST', headers: { 'webhook-id': 'NT1', 'webhook-timestamp': String(time), 'webhook-signature': signature }, body });
    assert.equal(await send(now, sign(now - 1)), 401, 'of another time');
    assert.equal(await send(now - 3600, sign(now - 3600)), 401, 'an old one');
    assert.equal(await send(now, 'v1,AAAA'), 401, 'forged');
    assert.equal(await answers(`http://127.0.0.1:${port}/`, { method: 'POST', body }), 401, 'without a signature');
    assert.equal(await send(now, `v1,AAAA ${sign(now)}`), 204, 'with an old secret and the right one');

    const data = fs.mkdtempSync(path.join(os.tmpdir(), 'webhooks-'));
    const server = run(t, process.env.NUDGE, ['serve', '--addr', '127.0.0.1:0', '--ops-addr', '', '--data', data, '--device', `webhook=http://127.0.0.1:${port}/`, '--webhook-allow-private', '--webhook-secret', secret], { NUDGE_ACCOUNT: undefined });
    t.after(() => fs.rmSync(data, { recursive: true, force: true }));
    const [, url] = await server.line(/nudge listens on (\S+)/);
    const created = await (await fetch(url + challenge, { method: 'POST', headers: { Authorization: `Basic ${btoa(account)}` } })).json();
    await receiver.line(new RegExp(`^${created.sid} \\{.*"sid":"${created.sid}"`, 'm'));
  });
}
