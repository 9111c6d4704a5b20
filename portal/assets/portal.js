// What the pages do beyond showing: theme, copying and search. Without this script all pages can be read.
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

// Theme: as the system has it, until the reader chooses.
const theme = $('#theme');
const dark = () => (document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
const nameTheme = () => { theme.textContent = dark() ? 'Light' : 'Dark'; theme.setAttribute('aria-label', `Use the ${dark() ? 'light' : 'dark'} theme`); };
theme.hidden = false;
theme.addEventListener('click', () => {
  const chosen = dark() ? 'light' : 'dark';
  document.documentElement.dataset.theme = chosen;
  localStorage.setItem('theme', chosen);
  nameTheme();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', nameTheme);
nameTheme();

// Copying.
async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Select and copy by hand';
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}
for (const block of $$('pre[data-copy]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.setAttribute('aria-label', `Copy: ${block.getAttribute('aria-label')}`);
  button.addEventListener('click', () => copy(block.textContent, button));
  const around = document.createElement('div');
  around.className = 'has-copy';
  block.replaceWith(around);
  around.append(button, block);
}
const markdown = $('#copy-markdown');
if (markdown) {
  markdown.hidden = false;
  markdown.addEventListener('click', async () => copy(await (await fetch(markdown.dataset.markdown)).text(), markdown));
}

// A link into something that is folded opens it.
function reveal() {
  let target;
  try {
    target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch {
    // What is no address leads nowhere.
  }
  if (!target) return;
  for (let element = target; element; element = element.parentElement) {
    if (element.tagName === 'DETAILS') element.open = true;
    // A panel is shown by the radio before its label.
    if (element.classList.contains('panel')) element.previousElementSibling.previousElementSibling.checked = true;
  }
  target.scrollIntoView();
}
addEventListener('hashchange', reveal);
reveal();

// The sidebar follows what is read.
const places = new Map($$('.side a[href^="#"]').map((link) => [document.getElementById(decodeURIComponent(link.hash.slice(1))), link]));
places.delete(null);
// A link that was followed is where the reader is, also where the page is too short to show its place at the top.
let followed = 0;
function follow() {
  const link = $$('.side a[href^="#"]').find((a) => a.hash === location.hash);
  const chosen = performance.now() - followed < 1000 && [...places].find(([, to]) => to === link)?.[0];
  let here = places.has(chosen) ? chosen : undefined;
  // Else it is the last place that begins in the upper third.
  if (!here) for (const place of places.keys()) if (place.getBoundingClientRect().top < innerHeight / 3 && (!here || place.getBoundingClientRect().top >= here.getBoundingClientRect().top)) here = place;
  for (const [place, link] of places) link.classList.toggle('here', place === here);
}
const spy = new IntersectionObserver(follow, { threshold: [0, 1] });
for (const place of places.keys()) spy.observe(place);
let asking = false;
addEventListener('scroll', () => {
  if (asking) return;
  asking = true;
  requestAnimationFrame(() => { asking = false; follow(); });
}, { passive: true });
addEventListener('hashchange', () => { followed = performance.now(); follow(); });

// The language of the samples is remembered, on this page and the others.
for (const tab of $$('.samples > input')) {
  const label = tab.nextElementSibling.textContent;
  if (label === localStorage.getItem('language')) tab.checked = true;
  tab.addEventListener('change', () => {
    localStorage.setItem('language', label);
    for (const other of $$('.samples > input')) if (other.nextElementSibling.textContent === label) other.checked = true;
  });
}

// Search: results while typing; / goes there, arrows choose, Enter opens, Escape leaves.
const q = $('#q');
const hits = $('#hits');
let asked = 0;
$('.search .hint').hidden = false;
// A static site has its index in a file, and no page of results.
let index;
q.form.hidden = false;
q.form.addEventListener('submit', (event) => { if (q.form.dataset.index) event.preventDefault(); });
async function searchIndex(query) {
  index ??= fetch(q.form.dataset.index).then((answer) => answer.json());
  const root = new URL('.', new URL(q.form.dataset.index, location));
  const words = query.toLowerCase().split(/\s+/);
  // As points in search.go has it.
  const begins = (text, word) => new RegExp(`(^|[^\\p{L}\\p{N}])${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`, 'u').test(text);
  const points = (title, text, word) => (title === word ? 10 : title.startsWith(word) ? 7 : begins(title, word) ? 5 : title.includes(word) ? 3 : begins(text, word) ? 2 : text.includes(word) ? 1 : 0);
  const ranked = (await index).map(([type, title, path, excerpt]) => {
    const each = words.map((word) => points(title.toLowerCase(), excerpt.toLowerCase(), word));
    return { type, title, excerpt, path: new URL(path, root).href, matched: each.filter(Boolean).length, score: each.reduce((a, b) => a + b) };
  });
  const most = Math.max(1, ...ranked.map((hit) => hit.matched));
  return ranked.filter((hit) => hit.matched === most).sort((a, b) => b.score - a.score).slice(0, 20);
}
async function search() {
  const now = ++asked;
  const query = q.value.trim();
  if (!query) { hits.hidden = true; return; }
  const found = await (q.form.dataset.index ? searchIndex(query) : fetch(`${q.form.action}.json?q=${encodeURIComponent(query)}`).then((answer) => answer.json()));
  if (now !== asked) return;
  const words = new RegExp(`(${query.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`, 'i');
  // Every other part is a word that was searched for.
  const marked = (text) => text.split(new RegExp(words, 'gi')).map((part, i) => {
    if (i % 2 === 0) return part;
    const mark = document.createElement('mark');
    mark.textContent = part;
    return mark;
  });
  hits.replaceChildren(...found.slice(0, 8).map((hit) => {
    const item = document.createElement('li');
    const link = document.createElement('a');
    link.href = hit.path;
    const kind = document.createElement('span');
    kind.className = 'muted';
    kind.textContent = ` ${hit.type}`;
    const text = document.createElement('small');
    text.append(...marked(hit.excerpt));
    link.append(...marked(hit.title), kind, text);
    link.addEventListener('click', () => { hits.hidden = true; });
    item.append(link);
    return item;
  }));
  // Enter opens it.
  $('a', hits)?.classList.add('first');
  if (found.length === 0) {
    const none = document.createElement('li');
    none.className = 'none';
    none.textContent = `Nothing found for “${query}”.`;
    hits.append(none);
  }
  hits.hidden = false;
  $('#hits-status').textContent = found.length === 0 ? 'Nothing found' : `${found.length} found`;
}
q.addEventListener('input', search);
addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select') && event.target !== q;
  if ((event.key === '/' && !typing && event.target !== q) || (event.key === 'k' && (event.ctrlKey || event.metaKey))) {
    event.preventDefault();
    q.focus();
    q.select();
    return;
  }
  const links = hits.hidden ? [] : $$('a', hits);
  if (!event.target.closest('.search')) return;
  const at = links.indexOf(document.activeElement);
  if (event.key === 'Enter' && event.target === q && links.length) { event.preventDefault(); links[0].click(); }
  if (event.key === 'Escape') { hits.hidden = true; q.focus(); }
  if (event.key === 'ArrowDown' && links.length) { event.preventDefault(); links[(at + 1) % links.length].focus(); }
  if (event.key === 'ArrowUp' && links.length) { event.preventDefault(); at <= 0 ? q.focus() : links[at - 1].focus(); }
});
addEventListener('click', (event) => { if (!event.target.closest('.search')) hits.hidden = true; });
