/* The page moves by itself: a stream says which transactions changed, the page fetches them and fills the cells that stand
   there already. Nothing appears, vanishes or moves under the reader. */

const page = document.body.dataset;
const feed = document.getElementById('feed');
const LOST = 45e3, POLL = 30e3, NEWS = 5e3, MARK = 6e3, TEN = 1e4, MINUTE = 6e4;

const due = new Set();  // references that changed
const waiting = new Map();  // cells in use, and what is to stand in them
let find, all, say, source, isLive, isPaused, isOver, isBusy, hasNews, hideTimer;
let last = '', tryAt = 0, rowsAt = 0, newsAt = 0, pollAt = 0, saidAt = 0, changed = 0, platform = 0;
let heard = Date.now();
const since = Date.parse(feed.querySelector('time')?.dateTime) || 0;
let skew = since && since - heard;  // the times shown are the server's

// The stream

function open() {
  if (source || Date.now() < tryAt) return;
  source = new EventSource(`${page.live}?${last ? `last=${last}` : `since=${since / 1e3}`}`);
  const on = (name, act) => source.addEventListener(name, (event) => {
    heard = Date.now();
    last = event.lastEventId;
    act(JSON.parse(event.data));
  });
  on('message', ([reference]) => touch([reference]));
  on('resync', () => touch());
  on('beat', (said) => { skew = said.now - heard; platform = said.platform; isLive = true; });
  on('over', () => { isOver = true; close(); });
  source.onerror = () => { if (source?.readyState === 2) { close(); tryAt = Date.now() + TEN; } };
}

function close() {
  source?.close();
  source = null;
}

function touch(references) {
  for (const { dataset: { id } } of all('[data-id]')) if (!references || references.includes(id)) due.add(id);
  hasNews = true;
  work();
}

// Fetching

const rests = () => isPaused || isOver || document.hidden;

async function work() {
  if (isBusy || rests()) return;
  isBusy = true;
  const now = Date.now();
  try {
    if (due.size && now - rowsAt >= 1e3) { rowsAt = now; await fetchDue(); }
    if (hasNews && now - newsAt >= NEWS) { newsAt = now; hasNews = false; await fetchNews(); }
  } finally { isBusy = false; }
}

async function ask(url) {
  const answer = await fetch(url, { headers: { 'X-Background': '1' }, redirect: 'manual' }).catch(() => 0);
  if (answer.type === 'opaqueredirect') isOver = true;
  return answer.ok && new DOMParser().parseFromString(await answer.text(), 'text/html');
}

const rowOf = (reference) => `tr[data-id="${CSS.escape(reference)}"]`;

async function fetchDue() {
  const references = [...due].slice(0, 100);
  references.forEach(due.delete, due);
  const whole = find('[data-detail]');
  if (references.includes(whole?.dataset.id)) patchPage(whole, await ask(`${whole.dataset.detail}?version=${whole.dataset.version}`));
  const rows = references.filter((one) => find(rowOf(one)));
  if (!rows.length) return;
  const query = new URLSearchParams(find('[data-query]')?.dataset.query);
  rows.forEach((one) => query.append('ref', one));
  const answer = await ask(`${page.rows}?${query}`);
  if (answer) for (const one of rows) for (const row of all(rowOf(one))) patchRow(row, find(rowOf(one), answer));
}

async function fetchNews() {
  const place = find('[data-since]');
  const query = new URLSearchParams(place?.dataset.query);
  if (place) query.set('since', place.dataset.since);
  const answer = await ask(`${page.news}?${query}`);
  if (!answer) return;
  if (place) put(place, find('[data-new]', answer));
  for (const count of all('[data-count]', answer)) for (const own of all(`[data-count="${count.dataset.count}"]`)) put(own, count);
}

// Patching

function inUse(element) {
  const chosen = getSelection();
  return element.contains(document.activeElement) || find('details[open]', element)
    || (!chosen.isCollapsed && chosen.getRangeAt(0).intersectsNode(element));
}

/** Fills `cell` from `fresh`, now or when nobody uses it any more; whether it changed. */
function put(cell, fresh) {
  waiting.delete(cell);
  const old = cell.cloneNode(true);
  all('[data-mark]', old).forEach((one) => one.remove());
  if (!fresh || old.innerHTML.trim() === fresh.innerHTML.trim()) return false;
  if (inUse(cell)) { waiting.set(cell, fresh); return false; }
  cell.className = fresh.className || cell.className;
  cell.replaceChildren(...fresh.cloneNode(true).childNodes);
  return true;
}

function patchRow(row, fresh) {
  const cells = all('[data-c]', row).filter((cell) => fresh && put(cell, find(`[data-c=${cell.dataset.c}]`, fresh)) && cell.dataset.c !== 'age');
  cells.forEach((cell) => mark(cell));
  changed += !!cells.length;
  const left = !fresh || 'gone' in fresh.parentNode.dataset;
  if (row.classList.toggle('gone', left) && !find('.left', row)) mark(find('[data-c=stage]', row) ?? row.lastElementChild, 'left', 'no longer matches');
  if (!left) find('.left', row)?.remove();
}

function mark(cell, name = 'just', text = 'just changed') {
  const one = document.createElement('span');
  one.className = name;
  one.dataset.mark = one.textContent = text;
  cell.append(one);
  if (name === 'just') setTimeout(() => one.remove(), MARK);
}

function patchPage(whole, answer) {
  const fresh = answer && find('[data-detail]', answer);
  if (!fresh) return;
  for (const part of all('[data-part]', fresh)) for (const own of all(`[data-part=${part.dataset.part}]`)) {
    if (part.matches('ol')) patchTimeline(own, part); else put(own, part);
  }
  if ('titled' in whole.dataset) document.title = fresh.dataset.title;
  if (whole.dataset.version !== fresh.dataset.version) warn(find('template', fresh));
  changed += 1;
}

function patchTimeline(own, fresh) {
  const isNewest = 'newest' in own.dataset;
  if (!isNewest && (put(own, fresh) || !waiting.has(own))) return;
  const added = all(':scope > li', fresh).filter((one) => one.id && !find(`#${one.id}`, own));
  if (!isNewest) { own.append(...added.map((one) => one.cloneNode(true))); return; }
  const link = find('[data-new-events]');
  link.textContent = plural(added.length, 'new event');
  link.hidden = !added.length;
}

const plural = (number, noun) => `${number} ${noun}${number > 1 ? 's' : ''}`;

function warn(template) {
  for (const form of all('form[data-watch]')) {
    find('[data-form-changed]', form)?.remove();
    find('button:not([type=button])', form).before(template.content.cloneNode(true));
  }
}

// Saying

const format = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: page.zone });

function tell() {
  const now = Date.now();
  const state = isPaused ? 'paused' : isOver || now - heard > LOST ? 'off' : isLive && 'on';
  if (!state) return;
  if (!find('[data-feed]', feed)) {
    feed.replaceChildren(document.getElementById('feed-states').content.cloneNode(true));
    find('a', feed).href = location;
  }
  const quiet = now + skew - platform;
  const minutes = Math.floor(quiet / MINUTE), hours = Math.floor(minutes / 60);
  write('[data-feed]', `${format.format(heard + skew)} ${page.zoneLabel}`);
  write('[data-feed-silence]', state === 'on' && quiet > MINUTE ? platform ? `Last event from the platform ${hours ? `${hours} h ` : ''}${minutes % 60} min ago` : 'No event from the platform yet' : '');
  write('[data-feed-pause]', isPaused ? 'Resume' : 'Pause');
  for (const one of all('[data-when]', feed)) one.hidden = !one.dataset.when.includes(state);
  if (changed && now - saidAt >= TEN) {
    say(find('[data-detail]') ? 'This transaction changed' : `${plural(changed, 'row')} changed`);
    saidAt = now;
    changed = 0;
  }
}

function write(selector, text) {
  const element = find(selector, feed);
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  const now = Date.now();
  for (const [cell, fresh] of [...waiting]) if (put(cell, fresh) && cell.dataset.c) mark(cell);
  if (!rests()) {
    open();
    if (now - heard > LOST && now - pollAt > POLL) { pollAt = now; touch(); }
    work();
  }
  tell();
}

export function start(...tools) {
  [find, all, say] = tools;
  feed.addEventListener('click', (event) => {
    if (!event.target.closest('[data-feed-pause]')) return;
    isPaused = !isPaused;
    if (isPaused) close();
    tryAt = 0;
    tick();
  });
  document.addEventListener('visibilitychange', () => {
    clearTimeout(hideTimer);
    if (document.hidden) hideTimer = setTimeout(close, TEN); else tick();
  });
  addEventListener('pagehide', close);
  setInterval(tick, 1e3);
  tick();
}
