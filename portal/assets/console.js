// The console: it sends the operation from the page, puts what it was given into the samples, and shows what came. Where the server has
// device endpoints, their phone is beside it.
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

const quote = (text) => (/^[\w\-./:=@%+,]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

// request reads the form into what is sent, and into the curl that sends the same.
function request(form) {
  const inputs = $$('[data-in]', form);
  const value = (where) => inputs.filter((input) => input.dataset.in === where);
  let path = form.dataset.path;
  for (const input of value('path')) path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
  const query = new URLSearchParams(value('query').filter((input) => input.value !== '').map((input) => [input.name, input.value]));
  const url = location.origin + path + (query.size ? `?${query}` : '');
  const headers = {};
  const curl = ['curl', '-X', form.dataset.method];
  const username = $('[data-credential=username]', form)?.value;
  const password = $('[data-credential=password]', form)?.value;
  if (username || password) {
    headers.Authorization = `Basic ${base64(`${username}:${password}`)}`;
    curl.push('-u', quote(`${username}:${password}`));
  }
  const bearer = $('[data-credential=bearer]', form)?.value;
  if (bearer) {
    headers.Authorization = `Bearer ${bearer}`;
    curl.push('-H', quote(`Authorization: Bearer ${bearer}`));
  }
  for (const input of value('header')) if (input.value !== '') { headers[input.name] = input.value; curl.push('-H', quote(`${input.name}: ${input.value}`)); }
  let body;
  const raw = value('raw')[0];
  const fields = value('body').filter((input) => input.value !== '');
  if (raw && raw.value !== '') body = raw.value;
  if (fields.length) body = new URLSearchParams(fields.map((input) => [input.name, input.value])).toString();
  if (body !== undefined) {
    headers['Content-Type'] = form.dataset.type;
    curl.push('-H', quote(`Content-Type: ${form.dataset.type}`), '--data-raw', quote(body));
  }
  curl.push(quote(url));
  return { url, init: { method: form.dataset.method, headers, body, credentials: 'omit', cache: 'no-store', redirect: 'manual' }, curl: curl.join(' ') };
}

// parsed is undefined for what is no JSON.
const parsed = (text) => { try { return JSON.parse(text); } catch { return undefined; } };
const pretty = (text) => (parsed(text) === undefined ? text : JSON.stringify(parsed(text), null, 2));

// What the answer says is wrong is marked, until it is sent again.
function markWrong(form, text) {
  for (const input of $$('[aria-invalid]', form)) {
    input.removeAttribute('aria-invalid');
    $('.wrong', input.parentElement)?.remove();
  }
  const details = parsed(text)?.details;
  const input = details && $$('[data-in]', form).find((i) => i.dataset.in === details.in && i.name === details.field);
  if (!input) return;
  const wrong = document.createElement('small');
  wrong.className = 'wrong';
  wrong.textContent = `must be ${details.rule}`;
  input.setAttribute('aria-invalid', 'true');
  input.after(wrong);
}

// send sends the form, shows what came, and gives what was created.
async function send(form) {
  const { url, init, curl } = request(form);
  const answer = $('.answer', form);
  const status = $('.answer-status', form);
  answer.hidden = false;
  $('.answer-curl', form).textContent = curl;
  status.textContent = 'Sending.';
  const start = performance.now();
  try {
    const response = await fetch(url, init);
    const text = await response.text();
    status.textContent = `${response.status} ${response.statusText} in ${Math.round(performance.now() - start)} ms`;
    status.classList.toggle('refused', !response.ok);
    $('.answer-headers', form).textContent = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    $('.answer-body', form).textContent = pretty(text);
    markWrong(form, response.ok ? '' : text);
    return response.ok ? parsed(text) : undefined;
  } catch (problem) {
    status.textContent = `No answer: ${problem.message}`;
    status.classList.add('refused');
    $('.answer-headers', form).textContent = '';
    $('.answer-body', form).textContent = '';
  }
  return undefined;
}

// A sample is text with the values that the page was made with; those of the form take their places, written as the language has it.
const isShell = (code) => code.closest('[data-language]').dataset.language === 'bash';
const written = (value, before, code) => {
  // Nothing that a shell reads is left bare.
  if (isShell(code)) return before.endsWith('/') ? encodeURIComponent(value).replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`) : quote(value);
  const inString = /["']$/.test(before);
  return inString || !/^(0|-?[1-9]\d*)$/.test(value) ? JSON.stringify(value).slice(inString ? 1 : 0, inString ? -1 : undefined) : value;
};

// pieces lists the text nodes of a sample with where each begins; highlighting has cut it into many.
function pieces(code) {
  const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  const nodes = [];
  for (let at = 0; walker.nextNode(); at += walker.currentNode.data.length) nodes.push({ node: walker.currentNode, text: walker.currentNode.data, at });
  return nodes;
}

// samplesOf gives a function that fills the samples of a console's operation in.
function samplesOf(form) {
  const operation = document.getElementById(form.closest('.console').id.replace(/-console$/, ''));
  const inputs = $$('[data-sample]', form).filter((input) => input.dataset.sample !== '');
  if (!operation || inputs.length === 0) return () => {};
  const escaped = inputs.map((input) => input.dataset.sample.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const values = new RegExp(`(?<!\\w)(${escaped.join('|')})(?!\\w)`, 'g');
  const codes = $$('.sample', operation).map((code) => ({ code, nodes: pieces(code), text: code.textContent }));
  const exports = $$('[data-variable]', form);
  const setting = Object.assign(document.createElement('pre'), { className: 'setting', hidden: true });
  $('.samples', operation).before(setting);
  return () => {
    const given = new Map(inputs.map((input) => [input.dataset.sample, input.value || input.dataset.sample]));
    for (const { code, nodes, text } of codes) {
      for (const { node, text: original } of nodes) node.data = original;
      // From the end: what stands before keeps its place.
      for (const { 0: from, index } of [...text.matchAll(values)].reverse()) {
        if (given.get(from) === from) continue;
        const to = written(given.get(from), text.slice(0, index), code);
        const end = index + from.length;
        for (const { node, at, text: original } of nodes.filter((piece) => piece.at < end && piece.at + piece.text.length > index)) {
          const [start, stop] = [Math.max(0, index - at), Math.min(original.length, end - at)];
          node.replaceData(start, stop - start, at <= index ? to : '');
        }
      }
    }
    const set = exports.filter((input) => input.value !== '');
    setting.hidden = set.length === 0;
    setting.textContent = `export ${set.map((input) => `${input.dataset.variable}=${input.type === 'password' ? '…' : quote(input.value)}`).join(' ')}`;
  };
}

// attachPhone puts the device's phone beside the form, where the server has device endpoints.
async function attachPhone(panel, form) {
  const { attach } = await import(panel.dataset.script);
  const path = (name) => $(`[data-in=path][name=${name}]`, form).value;
  const token = $('.token', panel);
  const phone = attach(panel, { device: () => ({ service: path('ServiceSid'), identity: path('Identity') }), token: token && (() => token.value.trim()) });
  form.addEventListener('change', phone.renew);
  return phone;
}

for (const pair of $$('.console .pair')) {
  pair.hidden = false;
  const form = $('form', pair);
  const panel = $('.device', pair);
  const attached = panel && attachPhone(panel, form);
  const fillSamples = samplesOf(form);
  form.addEventListener('input', fillSamples);
  // A browser may have kept what was in the form.
  fillSamples();
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const phone = await attached;
    await phone?.ready();
    const created = await send(form);
    if (created?.sid) phone?.sent(created);
  });
}
