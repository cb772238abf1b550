import { checksOf, explain } from './checks.js';
import { wire } from './wire.js';

const SERVERS = { issuer: 'Authorization server', api: 'Bank', plain: 'Bank without DPoP' };
const KEPT = 40;

/** Draws each request in its lane, with the checks that it passed and the one that stopped it. */
export function drawTimeline(list, scroller) {
  wire.addEventListener('exchange', ({ detail }) => {
    list.append(createRow(detail));
    while (list.children.length > KEPT) list.firstElementChild.remove();
    scroller.scrollTop = scroller.scrollHeight;
  });
}

function createRow(exchange) {
  const { actor, lane, method, path, status, challenge, nonce } = exchange;
  const row = create('li', 'exchange');
  row.dataset.lane = lane;
  row.dataset.actor = actor;
  row.dataset.status = String(status);
  const client = create('p', 'client');
  client.append(create('strong', '', actor === 'thief' ? 'Thief' : 'You'), ` ${method} ${path}`);
  const server = create('div', 'server');
  const head = create('p', 'answer');
  head.append(create('span', status < 400 ? 'good' : 'bad', String(status)), ` ${SERVERS[lane]}`);
  server.append(head, createChecks(checksOf(exchange), status, explain(challenge).check));
  if (nonce !== null) head.append(create('span', 'nonce', 'gives a nonce'));
  row.append(client, create('span', 'line'), server);
  return row;
}

function createChecks(checks, status, caught) {
  const list = create('ul', 'checks');
  const end = status < 400 ? checks.length : checks.indexOf(caught);
  for (const [at, check] of checks.entries()) {
    if (status >= 400 && at > end) break;
    const isCaught = status >= 400 && at === end;
    list.append(create('li', isCaught ? 'bad' : 'good', `${isCaught ? '✗' : '✓'} ${check}`));
  }
  return list;
}

/** An element with text. Nothing is ever parsed as HTML. */
export function create(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
