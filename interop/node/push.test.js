// Push to a browser: the page of a device subscribes, nudge sends to a push service of this test, an implementation of others decrypts, and
// the worker shows it. NUDGE says which program, CHROMIUM which browser. Headless Chromium has no push service, so the subscription is the
// test's, and its message reaches the worker by the browser's protocol.
'use strict';

const assert = require('node:assert/strict');
const { spawn, execFileSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const ece = require('http_ece');
const { chromium } = require('playwright-core');

const account = 'ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:dev0token';
const entity = '/Services/VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Entities/ff483d1ff591898a9942916050d2ca3f';
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'push-'));
const channels = path.join(dir, 'channels.yaml');
let service; let server; let url; let browser;

// pushService keeps what it gets, and tells each that waits.
class PushService {
  constructor() {
    this.got = [];
    this.ecdh = crypto.createECDH('prime256v1');
    this.ecdh.generateKeys();
    this.auth = crypto.randomBytes(16);
    this.http = http.createServer((request, response) => {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        this.got.push({ url: request.url, headers: request.headers, body: Buffer.concat(parts) });
        response.writeHead(201, { TTL: request.headers.ttl, Location: '/message/1' }).end();
        this.waiting?.();
      });
    });
  }

  async start() {
    await new Promise((ready) => this.http.listen(0, '127.0.0.1', ready));
    this.origin = `http://127.0.0.1:${this.http.address().port}`;
    this.subscription = {
      endpoint: `${this.origin}/push/1`, expirationTime: null,
      keys: { p256dh: this.ecdh.getPublicKey('base64url'), auth: this.auth.toString('base64url') },
    };
  }

  async next(n) {
    while (this.got.length < n) await new Promise((resume) => { this.waiting = resume; });
    return this.got[n - 1];
  }

  decrypt(body) {
    return JSON.parse(ece.decrypt(body, { version: 'aes128gcm', privateKey: this.ecdh, authSecret: this.auth.toString('base64url') }));
  }
}

// verified gives the claims of a VAPID header.
function verified(header, key) {
  const [, token, k] = header.match(/^vapid t=([^,]+), k=(\S+)$/);
  assert.equal(k, key);
  const raw = Buffer.from(k, 'base64url');
  const jwk = { kty: 'EC', crv: 'P-256', x: raw.subarray(1, 33).toString('base64url'), y: raw.subarray(33).toString('base64url') };
  const [head, claims, signature] = token.split('.');
  const good = crypto.verify('sha256', Buffer.from(`${head}.${claims}`), { key: crypto.createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  assert.ok(good, 'the header is signed');
  return JSON.parse(Buffer.from(claims, 'base64url'));
}

let key;

before(async () => {
  service = new PushService();
  await service.start();
  key = execFileSync(process.env.NUDGE, ['vapid', path.join(dir, 'vapid.key')], { encoding: 'utf8' }).trim();
  fs.writeFileSync(channels, 'channels:\n  browser: {kind: webpush, key_file: vapid.key, subject: "mailto:ops@example.com", allow_private: true, title: "Sign in, {{.Identity}}"}\n');
  server = spawn(process.env.NUDGE, ['serve', '--addr', '127.0.0.1:0', '--ops-addr', '', '--no-access-log', '--data', path.join(dir, 'data'), '--channels', channels],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NUDGE_ACCOUNT: undefined } });
  url = await new Promise((found) => {
    let text = '';
    server.stdout.on('data', (part) => {
      text += part;
      const match = text.match(/nudge listens on (\S+)/);
      if (match) found(match[1]);
    });
  });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-background-networking'] });
});
after(async () => {
  await browser?.close();
  server?.kill('SIGTERM');
  service?.http.close();
  service?.http.closeAllConnections();
  fs.rmSync(dir, { recursive: true, force: true });
});

async function create() {
  const answer = await fetch(`${url}/v2${entity}/Challenges/YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Notifications`, {
    method: 'POST', headers: { Authorization: `Basic ${btoa(account)}` }, body: new URLSearchParams({ Ttl: '150' }),
  });
  assert.equal(answer.status, 201);
  return answer.json();
}

// subscribed opens a page whose push manager gives the test's subscription, and clicks its button.
async function subscribed(at, button) {
  const context = await browser.newContext();
  await context.grantPermissions(['notifications'], { origin: url });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) wrong.push(message.text()); });
  page.on('pageerror', (error) => wrong.push(error.message));
  await page.addInitScript((subscription) => {
    PushManager.prototype.subscribe = async (options) => {
      window.subscribedWith = options;
      return subscription;
    };
  }, service.subscription);
  await page.goto(`${url}${at}`);
  await button(page);
  await page.getByText(/^Subscribed/).waitFor();
  assert.deepEqual(await page.evaluate(() => window.subscribedWith), { userVisibleOnly: true, applicationServerKey: key });
  assert.deepEqual(wrong, []);
  return { context, page };
}

// shown has the worker get a message, and gives the notifications that it shows.
async function shown(context, page, message) {
  const protocol = await context.newCDPSession(page);
  const registration = new Promise((found) => {
    protocol.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => registrations[0] && found(registrations[0]));
  });
  await protocol.send('ServiceWorker.enable');
  const { registrationId } = await registration;
  await protocol.send('ServiceWorker.deliverPushMessage', { origin: url, registrationId, data: JSON.stringify(message) });
  return page.evaluate(async () => {
    const worker = (await navigator.serviceWorker.getRegistrations())[0];
    for (;;) {
      const list = await worker.getNotifications();
      if (list.length > 0) return list.map(({ title, body, tag }) => ({ title, body, tag }));
      await new Promise((resume) => setTimeout(resume, 20));
    }
  });
}

test('the page of a device subscribes, and its worker shows what is sent', async () => {
  const { context, page } = await subscribed('/devices', (p) => p.click('.subscribe'));
  const before = service.got.length;
  const n = await create();
  const got = await service.next(before + 1);
  assert.equal(got.url, '/push/1');
  assert.equal(got.headers['content-encoding'], 'aes128gcm');
  assert.equal(got.headers.urgency, 'high');
  assert.match(got.headers.ttl, /^1(49|50)$/);
  assert.match(got.headers.topic, /^[\w-]{1,32}$/);
  const claims = verified(got.headers.authorization, key);
  assert.equal(claims.aud, service.origin);
  assert.equal(claims.sub, 'mailto:ops@example.com');
  assert.ok(claims.exp > Date.now() / 1000 && claims.exp < Date.now() / 1000 + 24 * 3600);
  const message = service.decrypt(got.body);
  assert.deepEqual(message, {
    type: 'verify_push_challenge', sid: n.sid, challenge_sid: n.challenge_sid, title: `Sign in, ${n.identity}`, body: 'Open the app to approve or deny.',
  });
  assert.deepEqual(await shown(context, page, message), [{ title: message.title, body: message.body, tag: n.sid }]);
  // The same once more is shown once.
  assert.deepEqual(await shown(context, page, message), [{ title: message.title, body: message.body, tag: n.sid }]);
  await context.close();
});

test('the console of the documentation subscribes too', async () => {
  const { context } = await subscribed('/doc/verify_v2/operations/CreateNotification', (p) => p.click('.device .subscribe'));
  const before = service.got.length;
  const n = await create();
  assert.equal(service.decrypt((await service.next(before + 1)).body).sid, n.sid);
  await context.close();
});

test('nudge channels send is decrypted by an implementation of others, whatever its length', async () => {
  for (const identity of ['a', 'ø'.repeat(200)]) {
    const before = service.got.length;
    const sent = spawn(process.env.NUDGE, ['channels', 'send', channels, 'browser', JSON.stringify(service.subscription), '--identity', identity]);
    assert.equal(await new Promise((done) => sent.on('exit', done)), 0);
    assert.ok(service.decrypt(service.got[before].body).title.startsWith(`Sign in, ${identity.slice(0, 1)}`));
  }
});
