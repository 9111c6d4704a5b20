// A phone on a page: it shows what arrives for a device and how long that is valid, and can be taken offline.
import { listen, mint, pushKey, subscribe } from './device.js';

const make = (tag, className, text = '') => Object.assign(document.createElement(tag), { className, textContent: text });
// maxCards bounds how many notifications are shown; the oldest go first.
const maxCards = 50;

const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;

// screen shows notifications, each as a card that counts its TTL down. What was sent and has not arrived waits.
function screen() {
  const list = make('ol', 'arrived');
  list.setAttribute('aria-live', 'polite');
  const cards = new Map();
  let ticking;

  function tick() {
    let isCounting = false;
    for (const card of cards.values()) {
      const left = Math.ceil((card.deadline - performance.now()) / 1000);
      card.left.textContent = left > 0 ? minutes(left) : '';
      card.bar.style.transform = `scaleX(${Math.max(0, left) / card.ttl || 0})`;
      isCounting ||= left > 0;
      if (left > 0 || card.item.classList.contains('over')) continue;
      card.item.classList.add('over');
      card.state.textContent = card.item.classList.contains('waiting') ? 'Its TTL elapsed before the phone was online' : `${card.state.textContent}, no longer valid`;
    }
    if (isCounting) return;
    clearInterval(ticking);
    ticking = undefined;
  }

  // show adds a notification, or what is new about it.
  function show({ sid, challenge_sid: challenge, ttl }, className, state) {
    const known = cards.get(sid);
    if (known && className === 'waiting') return;
    const card = known ?? { item: make('li', ''), state: make('span', 'phone-said'), left: make('span', 'phone-left'), bar: make('span', 'phone-bar') };
    card.ttl = Math.max(card.ttl ?? 0, ttl);
    card.deadline = performance.now() + ttl * 1000;
    card.item.classList.remove('waiting', 'over');
    card.item.classList.add(className);
    card.state.textContent = state;
    if (!known) {
      card.item.dataset.sid = sid;
      // Who listens hears of it once, not each second.
      card.left.setAttribute('role', 'timer');
      card.bar.setAttribute('aria-hidden', 'true');
      const head = make('p', 'phone-app', 'nudge');
      head.append(make('time', '', new Date().toLocaleTimeString()), card.left);
      const foot = make('p', 'phone-foot');
      foot.append(card.state, card.bar);
      card.item.append(head, make('p', 'phone-title', 'Is it you?'), make('p', 'phone-sid', `${sid} for ${challenge}`), foot);
      cards.set(sid, card);
      list.prepend(card.item);
      for (const [old, { item }] of cards) {
        if (cards.size <= maxCards) break;
        item.remove();
        cards.delete(old);
      }
    }
    // TTL 0 is tried once: there is nothing to count.
    if (ttl === 0) card.item.classList.add('over');
    tick();
    ticking ??= setInterval(tick, 1000);
  }

  return {
    list,
    clear() { cards.clear(); list.replaceChildren(); },
    arrived(n, acknowledged) { show(n, 'here', acknowledged ? 'Acknowledged' : 'Arrived'); },
    sent(n) {
      show(n, 'waiting', n.ttl === 0 ? 'Tried once' : 'Waits on the server');
      for (const [sid, { item }] of cards) item.classList.toggle('just-sent', sid === n.sid);
    },
  };
}

// attach makes a phone of an element. device gives the service and the identity that it is of, undefined while they are wrong; token
// gives its token, where this server does not give one to everybody.
export function attach(root, { device, token }) {
  const shown = screen();
  const state = make('p', 'phone-state', token ? 'Offline. It needs a token.' : 'Connects when something is sent.');
  state.setAttribute('role', 'status');
  const power = Object.assign(make('input', ''), { type: 'checkbox', checked: !token });
  power.setAttribute('role', 'switch');
  const label = make('label', 'phone-switch', 'Online');
  label.prepend(power);
  const push = Object.assign(make('button', 'subscribe', 'Get them while this page is closed'), { type: 'button', hidden: true });
  const body = make('div', 'phone');
  body.append(make('span', 'phone-speaker'), label, state, shown.list);
  root.append(body, push);

  let connection;
  // connected is the device that it is, or is becoming by the time that connecting settles.
  let connected;
  let connecting;
  // owner is the device that the notifications shown are of.
  let owner;
  const name = (d) => d && `${d.service} ${d.identity}`;
  const tokenOf = (d) => (token ? async () => token() : () => mint(d));

  function turnOff(text) {
    connection?.abort();
    connection = connected = undefined;
    power.checked = false;
    body.classList.remove('on');
    state.textContent = text;
  }
  function turnOn() {
    connection?.abort();
    const d = device();
    if (!d) return turnOff('Offline: the form does not say which device it is.');
    const { signal } = connection = new AbortController();
    connected = name(d);
    if (owner !== connected) shown.clear();
    owner = connected;
    power.checked = true;
    state.textContent = 'Connecting.';
    return (connecting = new Promise((ready) => {
      // Another click, or another device, ends this one before it is connected.
      signal.addEventListener('abort', ready);
      listen({
        ...d, token: tokenOf(d), signal,
        onState(text, isConnected) { state.textContent = text; body.classList.toggle('on', isConnected); ready(); },
        onNotification: shown.arrived,
      }).then(() => {
        if (signal.aborted) return;
        // Refused: it is tried again as another device, or with the next notification.
        connected = undefined;
        body.classList.remove('on');
      });
    }));
  }
  power.addEventListener('change', () => (power.checked ? turnOn() : turnOff('Offline. What is sent now waits on the server until its TTL elapses.')));

  pushKey().then((key) => {
    push.hidden = !key;
    push.addEventListener('click', async () => {
      const d = device();
      if (!d) return;
      state.textContent = 'Asking the browser\u2019s push service.';
      try {
        await subscribe({ ...d, token: tokenOf(d) }, key);
        turnOff('Subscribed: notifications come through the browser\u2019s push service, also while this page is closed.');
      } catch (problem) {
        state.textContent = `Not subscribed: ${problem.message}`;
      }
    });
  }, () => {
    // Without the key there is no button.
  });

  return {
    turnOn,
    sent: shown.sent,
    // renew connects as the device of now, where it is online.
    renew() { if (power.checked && connected !== name(device())) turnOn(); },
    // ready has it online before something is sent, unless it was taken offline or has no token.
    async ready() {
      if (!power.checked || token) return;
      await (connected === name(device()) ? connecting : turnOn());
    },
  };
}
