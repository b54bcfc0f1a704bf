/* What makes pages quicker; each works without this file. Elements are found by data-… attributes. */

const find = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const csrfToken = () => find('input[name=csrfmiddlewaretoken]')?.value ?? '';

function say(text) {
  const region = find('#announcer');
  if (!region || document.body.dataset.announcements === 'off') return;
  region.textContent = '';
  setTimeout(() => { region.textContent = text; }, 50);
}

/** Puts a lasting line at the top of the page. */
function show(templateId) {
  const template = document.getElementById(templateId);
  const area = find('#messages');
  if (!template || !area) return;
  area.replaceChildren(template.content.cloneNode(true));
  area.scrollIntoView({ block: 'nearest' });
}

// One form, one sending; the server has its own guard.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.method !== 'post' || form.hasAttribute('data-many')) return;
  if (form.dataset.sent) { event.preventDefault(); event.stopImmediatePropagation(); return; }
  form.dataset.sent = 'yes';
  const button = event.submitter;
  if (!button?.dataset.busy) return;
  button.dataset.label = button.textContent;
  button.textContent = button.dataset.busy;
}, true);

/** Lets a form be sent again: after Back, and after an answer that was swapped into the page. */
function reopen(root = document) {
  for (const form of all('form[data-sent]', root)) {
    delete form.dataset.sent;
    for (const button of all('[data-label]', form)) { button.textContent = button.dataset.label; delete button.dataset.label; }
  }
}

// A control that is off says why.
document.addEventListener('click', (event) => {
  const off = event.target.closest?.('[aria-disabled=true]');
  if (!off) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const why = document.getElementById(off.getAttribute('aria-describedby') ?? '');
  if (why) say(why.textContent.trim());
}, true);

// Copying
async function copy(button) {
  const source = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
  const text = !source ? button.dataset.copy : source.rows ? asTable(source) : source.innerText.trim();
  if (text === undefined) return;
  try { await navigator.clipboard.writeText(text); } catch { copyThroughSelection(text); }
  confirmCopy(button);
  if (button.dataset.copyReport) tell(button.dataset.copyReport);
}

/** A table as a spreadsheet takes it: a line per row, tabs between the cells. */
const asTable = (table) => [...table.rows]
  .map((row) => [...row.cells].map((cell) => cell.innerText.trim().replace(/\s+/g, ' ')).join('\t')).join('\n');

function copyThroughSelection(text) {
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

function confirmCopy(button) {
  say(`Copied ${button.dataset.copyLabel ?? ''}`.trim());
  if (button.classList.contains('copied')) return;
  const before = [...button.childNodes];
  const use = find('use', button)?.getAttribute('href');
  button.classList.add('copied');
  if (button.classList.contains('icon-btn') && use) {
    find('use', button).setAttribute('href', use.replace('#i-copy', '#i-check'));
  } else {
    button.replaceChildren('Copied');
  }
  setTimeout(() => {
    button.classList.remove('copied');
    if (button.classList.contains('icon-btn') && use) find('use', button).setAttribute('href', use);
    else button.replaceChildren(...before);
  }, 1500);
}

const tell = (url) => fetch(url, { method: 'POST', headers: { 'X-CSRFToken': csrfToken(), 'X-Requested-With': 'fetch' } });

// Dialogs, menus, messages, passwords
const deeds = {
  opens: (button) => document.getElementById(button.dataset.opens)?.showModal(),
  dismiss: (button) => { const box = button.closest(button.dataset.dismiss || '.note'); find('#main')?.focus(); box?.remove(); },
  copy, copyFrom: copy,
  peek: (button) => {
    const field = document.getElementById(button.dataset.peek);
    const hidden = field.type === 'password';
    field.type = hidden ? 'text' : 'password';
    button.textContent = hidden ? 'Hide' : 'Show';
    button.setAttribute('aria-label', hidden ? 'Hide password' : 'Show password');
    say(hidden ? 'Password is shown' : 'Password is hidden');
  },
};

document.addEventListener('click', (event) => {
  for (const menu of all('details.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
  const button = event.target.closest?.('[data-copy],[data-copy-from],[data-opens],[data-dismiss],[data-peek]');
  if (!button) return;
  if (button.matches('a') && (event.ctrlKey || event.metaKey || event.shiftKey)) return;
  event.preventDefault();
  deeds[Object.keys(deeds).find((name) => name in button.dataset)](button);
});

// A pasted column keeps its lines apart in a box that has only one.
document.addEventListener('paste', (event) => {
  const box = event.target.closest?.('input[type=search]');
  const lines = (event.clipboardData?.getData('text') ?? '').split(/[\n\r\t]+/).filter((line) => line.trim());
  if (!box || lines.length < 2) return;
  event.preventDefault();
  box.setRangeText(lines.join(', '), box.selectionStart, box.selectionEnd, 'end');
});

// Keys. A single key only moves or opens: it presses a control that the page shows, found by data-key.
const typing = (element) => element.closest?.('input:not([type=checkbox]):not([type=radio]),textarea,select,[contenteditable]');
let goUntil = 0;

document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { sendFocusedForm(event); return; }
  if (event.key === 'Escape') { closeMenu(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.body.dataset.keys === 'off' || typing(event.target) || find('dialog[open]')) return;
  if (press(event.key)) event.preventDefault();
});

function press(key) {
  if (Date.now() < goUntil) { goUntil = 0; return follow(find(`[data-go="${CSS.escape(key)}"]`)); }
  if (key === 'g') { goUntil = Date.now() + 1200; return true; }
  if (key === 'j' || key === 'k') return moveRow(key === 'j' ? 1 : -1);
  if (key === 'x' || key === 'X') return pickRow(key === 'X');
  if (key > '0' && key <= '9') {
    const choice = all('[data-digits]:focus-within input')[key - 1];
    choice?.focus(); // Tab leads on from what is chosen, not back to it
    return follow(choice);
  }
  const target = find(`[data-key="${CSS.escape(key)}"]`);
  if (!target) return false;
  if (target.matches('input,select,textarea,summary')) target.focus();
  if (!target.matches('input,select,textarea')) follow(target);
  return true;
}

function follow(target) {
  if (!target) return false;
  target.click();
  return true;
}

function moveRow(by) {
  const links = all('.t tbody tr').map((row) => find('a.ref', row)).filter(Boolean);
  if (!links.length) return false;
  const here = links.findIndex((link) => link.closest('tr').contains(document.activeElement));
  links[Math.max(0, Math.min(links.length - 1, here + by))].focus();
  return true;
}

// The boxes of the list: ranges, the number chosen, and the same choice after Back.
const boxes = () => all('[name=ref]');
let from;

function pick(box, isRange) {
  const list = boxes();
  const ends = [list.indexOf(isRange ? from : box), list.indexOf(box)].sort((a, b) => a - b);
  if (ends[0] >= 0) for (const one of list.slice(ends[0], ends[1] + 1)) one.checked = box.checked;
  from = box;
  countPicked();
}

function pickRow(isRange) {
  const box = find('[name=ref]', document.activeElement.closest('tr') ?? find('head'));
  if (!box) return false;
  box.checked = isRange || !box.checked;
  pick(box, isRange);
  return true;
}

function countPicked(kept) {
  const said = find('[data-picked]');
  if (!said) return;
  if (kept) for (const box of boxes()) box.checked = kept.includes(box.value);
  const picked = boxes().filter((box) => box.checked).map((box) => box.value);
  said.textContent = `${picked.length} selected`;
  history.replaceState({ ...history.state, picked }, '');
}

document.addEventListener('click', (event) => { if (event.target.name === 'ref') pick(event.target, event.shiftKey); });
document.addEventListener('reset', () => setTimeout(countPicked));

function sendFocusedForm(event) {
  const form = event.target.closest?.('form[data-ctrl-enter]');
  if (!form) return;
  event.preventDefault();
  form.requestSubmit();
}

function closeMenu() {
  const menu = find('details.menu[open]');
  if (!menu) { if (!find('dialog[open]')) find('#bulk')?.reset(); return; }
  menu.open = false;
  find('summary', menu)?.focus();
}

// A revealed value is hidden again after its time, and when the page is left.
function countDown(element) {
  if (element.dataset.until) return;
  const until = Date.now() + Number(element.dataset.revealSeconds) * 1000;
  element.dataset.until = String(until);
  const timer = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / 1000);
    const text = find('[data-reveal-left]', element);
    if (left > 0 && text) { text.textContent = `Hidden again in ${left} s`; return; }
    clearInterval(timer);
    hideAgain(element);
  }, 1000);
}

function hideAgain(element) {
  const template = find('template', element);
  if (template) element.replaceChildren(template.content.cloneNode(true));
  delete element.dataset.revealSeconds;
}

// Before the session ends for want of activity, the page says so and offers to stay. Only people's requests count.
const idle = find('[data-idle-seconds]');
let lastSign = Date.now();

function watchIdle() {
  if (!idle) return;
  const seconds = (Date.now() - lastSign) / 1000;
  const over = seconds >= Number(idle.dataset.idleLimit);
  if (seconds < Number(idle.dataset.idleSeconds)) { idle.hidden = true; return; }
  if (idle.hidden) {
    const end = new Date(lastSign + Number(idle.dataset.idleLimit) * 1000);
    const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: idle.dataset.zone }).format(end);
    find('[data-idle-at]', idle).textContent = `${clock} ${idle.dataset.zoneLabel}`;
    idle.hidden = false;
    say(find('[data-idle-soon]', idle).textContent.trim());
  }
  find('[data-idle-soon]', idle).hidden = over;
  find('[data-idle-over]', idle).hidden = !over;
}

idle?.addEventListener('submit', async (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  const answer = await tell(idle.action).catch(() => null);
  if (!answer?.ok || answer.redirected) { location.reload(); return; }
  lastSign = Date.now();
  watchIdle();
  find('#main')?.focus();
}, true);
setInterval(watchIdle, 5000);

// htmx: focus never falls to the body, counts are announced, a failed part says so.
document.addEventListener('htmx:configRequest', (event) => { event.detail.headers['X-CSRFToken'] = csrfToken(); });
document.addEventListener('htmx:afterRequest', (event) => {
  if (!event.detail.requestConfig?.headers?.['X-Background']) lastSign = Date.now();
});
document.addEventListener('htmx:beforeRequest', (event) => event.detail.target?.setAttribute('aria-busy', 'true'));
document.addEventListener('htmx:afterSettle', (event) => {
  const part = document.getElementById(event.detail.target?.id) ?? event.detail.target;
  part?.removeAttribute('aria-busy');
  start(part ?? document);
  reopen();
  const said = part && find('[data-announce]', part);
  if (said) say(said.textContent.trim());
  if (document.activeElement !== document.body || !part || event.detail.requestConfig?.headers?.['X-Background']) return;
  const heading = find('[autofocus],.err-sum,h1,h2', part) ?? part;
  if (!heading.hasAttribute('tabindex')) heading.setAttribute('tabindex', '-1');
  heading.focus({ preventScroll: true });
});
for (const failure of ['htmx:responseError', 'htmx:sendError', 'htmx:timeout']) {
  document.addEventListener(failure, (event) => {
    event.detail.target?.removeAttribute('aria-busy');
    reopen();
    show('part-failed');
    say('This part could not be loaded');
  });
}

/** What a new part of the page needs. */
function start(root) {
  all('[data-reveal-seconds]', root).forEach(countDown);
}

addEventListener('pageshow', (event) => {
  setTimeout(() => countPicked(history.state?.picked));
  if (event.persisted) { reopen(); lastSign = Math.max(lastSign, performance.timeOrigin); watchIdle(); }
});
addEventListener('pagehide', () => all('[data-reveal-seconds]').forEach(hideAgain));
start(document);

// What a form answered in place of a page is no place to come back to: Back and Reload ask for the page itself.
const address = find('[data-address]')?.dataset.address;
if (address) history.replaceState(null, '', address + location.hash);

// The summary of errors has the focus. An anchor in the address would take it away again, once the page is there.
find('.err-sum')?.focus();
if (location.hash) addEventListener('load', () => setTimeout(() => find('.err-sum')?.focus(), 50));

// What moves by itself comes once the page stands.
const { liveScript } = document.body.dataset;
if (liveScript) addEventListener('load', () => setTimeout(() => import(liveScript).then((live) => live.start(find, all, say)), 1000));
