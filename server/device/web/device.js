// A device in the browser: it holds a stream open, shows what arrives and acknowledges it.

const base = ({ service, identity }) => new URL(`v1/Services/${encodeURIComponent(service)}/Entities/${encodeURIComponent(identity)}`, import.meta.url).href;

// mint asks a server for development for a token.
export async function mint(device) {
  const response = await fetch(`${base(device)}/tokens`, { method: 'POST' });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.message), { refused: response.status < 500 });
  return answer.token;
}

// pushKey gives the key that this server's push messages are known by; undefined where it sends none, or the browser takes none.
export async function pushKey() {
  if (!('serviceWorker' in navigator) || !('PushManager' in window)) return undefined;
  const response = await fetch(new URL('v1/push', import.meta.url));
  return response.ok ? (await response.json()).public_key : undefined;
}

// subscribe has notifications brought by the browser's push service, also while no page is open; it gives the subscription.
export async function subscribe({ service, identity, token }, key) {
  const registration = await navigator.serviceWorker.register(new URL('worker.js', import.meta.url));
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  if (worker.state !== 'activated') {
    await new Promise((ready) => worker.addEventListener('statechange', () => { if (worker.state === 'activated') ready(); }));
  }
  const subscription = await Promise.race([
    registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }),
    new Promise((_, fail) => { setTimeout(() => fail(new Error('the browser\u2019s push service does not answer')), 15_000); }),
  ]);
  const response = await fetch(`${base({ service, identity })}/subscription`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${await token()}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(subscription),
  });
  if (!response.ok) throw new Error((await response.json()).message);
  return subscription;
}

// listen streams until the signal aborts or the server refuses. token gives the token, onState is told what to show of the
// connection and whether it stands, onNotification gets each notification and whether it could be acknowledged.
export async function listen({ service, identity, token, signal, onState, onNotification }) {
  const notifications = `${base({ service, identity })}/notifications`;
  while (!signal.aborted) {
    try {
      const headers = { Authorization: `Bearer ${await token()}` };
      const response = await fetch(notifications, { headers, signal });
      if (!response.ok) {
        const problem = await response.json();
        onState(`Refused: ${problem.message}`, false);
        if (response.status < 500) return;
      } else {
        onState('Connected. Waiting for notifications.', true);
        for await (const notification of events(response.body)) {
          const answer = await fetch(`${notifications}/${notification.sid}/ack`, { method: 'POST', headers });
          // Another device may have taken this one's place meanwhile.
          if (!signal.aborted) onNotification(notification, answer.ok);
        }
      }
    } catch (problem) {
      if (signal.aborted) return;
      if (problem.refused) {
        onState(`Refused: ${problem.message}`, false);
        return;
      }
    }
    onState('The connection ended; connecting again.', false);
    await new Promise((resume) => setTimeout(resume, 1000));
  }
}

// events reads server-sent events: one JSON value each.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    let end;
    while ((end = text.indexOf('\n\n')) >= 0) {
      const data = text.slice(0, end).split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n');
      text = text.slice(end + 2);
      if (data) yield JSON.parse(data);
    }
  }
}
