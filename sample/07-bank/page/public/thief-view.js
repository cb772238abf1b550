import { formatCents } from './account-view.js';
import { explain } from './checks.js';
import { config } from './config.js';
import { THEFTS } from './thefts.js';
import { create } from './timeline-view.js';
import { wire } from './wire.js';

const at = (id) => document.getElementById(id);
/** How old the captured proof may be, so that its age is not what stops the thief. */
const FRESH_MS = Math.min(4000, config.maxProofAgeSeconds * 400);

/** What `Try everything` says at the end. */
const CONCLUSIONS = {
  dpop: (count) => `${count} of ${count} refused. Now switch to token only.`,
  bearer: (count) => `${count} of ${count} let in. Now switch to token and key.`,
};

/**
 * The thief's bench.
 *
 * @param victim `{ bank(), token(), read(), intercept() }`: what the page does while the thief reads along.
 *   `read` resolves to whether the bank answered with the account
 */
export function setThiefsBench(victim) {
  let captured;
  let loot;
  wire.addEventListener('exchange', ({ detail }) => {
    const { actor, method, path, lane, proof } = detail;
    if (actor !== 'page' || method !== 'GET' || path !== '/account') return;
    if (lane === 'api' || lane === 'plain') captured = detail;
    if (lane === 'api' && proof !== null) at('log-proof').textContent = proof;
  });

  const showLog = (intercepted) => {
    const token = victim.token();
    at('log-token').textContent = token ?? 'Log in first.';
    if (victim.bank() === 'bearer') {
      at('log-proof').textContent = 'There is none. The token is all that this bank asks for.';
      at('log-intercepted').textContent = 'There is none.';
    } else if (intercepted !== undefined) at('log-intercepted').textContent = intercepted;
  };

  async function copy() {
    const isBound = victim.bank() === 'dpop';
    loot = undefined;
    arm(false);
    resetOutcomes();
    if (!(await victim.read())) {
      at('thief-message').textContent = 'There is nothing to copy: the bank did not answer the last request.';
      return;
    }
    const atMs = Date.now();
    const proof = isBound ? await victim.intercept() : undefined;
    showLog(proof);
    loot = {
      api: isBound ? config.api : config.plainApi,
      scheme: isBound ? 'DPoP' : 'Bearer',
      token: victim.token(),
      intercepted: { proof, atMs },
      captured: async () => {
        if (captured === undefined || Date.now() - captured.atMs > FRESH_MS) await victim.read();
        return captured.proof ?? undefined;
      },
    };
    arm(true);
    at('thief-message').textContent = isBound
      ? 'The thief has the token, the proof of your last request, and an intercepted one that never arrived.'
      : 'The thief has the token. At this bank there is nothing else to take.';
  }

  async function attempt(name) {
    const item = document.querySelector(`[data-theft="${name}"]`);
    const taken = loot;
    // The button is not disabled meanwhile: it would lose the focus.
    if (taken === undefined || item.dataset.state === 'waiting') return;
    show(item, 'waiting', 'Trying …');
    // Rejects when the loot is old: the theft ends with it.
    const wait = (untilMs) =>
      countDown(untilMs, (seconds) => {
        if (loot !== taken) throw new Error('The loot is old.');
        show(item, 'waiting', `The thief waits: ${seconds} s`);
      });
    try {
      const response = await THEFTS[name]({ ...taken, wait });
      if (loot !== taken) return;
      await showOutcome(item, response);
      if (response.ok) await victim.read();
    } catch (error) {
      if (loot === taken) show(item, 'idle', error.message);
    }
  }

  at('copy').addEventListener('click', copy);
  at('try-all').addEventListener('click', async () => {
    const taken = loot;
    const names = Object.keys(THEFTS);
    for (const name of names) {
      await attempt(name);
      // Another bank, or another token.
      if (loot !== taken) return;
    }
    const state = victim.bank() === 'dpop' ? 'refused' : 'let-in';
    const count = document.querySelectorAll(`[data-theft][data-state=${state}]`).length;
    if (count === names.length) at('thief-message').textContent = CONCLUSIONS[victim.bank()](count);
  });
  for (const name of Object.keys(THEFTS)) {
    document.querySelector(`[data-theft="${name}"] button`).addEventListener('click', () => attempt(name));
  }

  return {
    showLog,
    /** Another bank, or another token: the loot is old. */
    clear() {
      loot = undefined;
      captured = undefined;
      arm(false);
      at('log-proof').textContent = 'None yet.';
      showLog('None yet.');
      at('thief-message').textContent = 'Copy the log file first.';
      resetOutcomes();
    },
  };
}

function arm(isArmed) {
  for (const button of document.querySelectorAll('[data-theft] button, #try-all')) button.disabled = !isArmed;
}

function resetOutcomes() {
  for (const item of document.querySelectorAll('[data-theft]')) show(item, 'idle', 'Not tried yet.');
}

function show(item, state, ...content) {
  item.dataset.state = state;
  item.querySelector('.outcome').replaceChildren(...content);
}

async function showOutcome(item, response) {
  const title = item.querySelector('h3').textContent;
  const challenge = response.headers.get('www-authenticate');
  if (response.status === 400 && challenge === null) {
    // The bank let the thief in, and had no more to give.
    const { message } = await response.json();
    show(
      item,
      'let-in',
      createVerdict('Let in, 400', 'no check in the way'),
      create('span', 'meaning', message),
    );
    at('thief-message').textContent = `${title}: let in. ${message}`;
    return;
  }
  if (!response.ok) {
    const { check, meaning } = explain(challenge);
    show(
      item,
      'refused',
      createVerdict(`Refused, ${response.status}`, check === undefined ? '' : `✗ ${check}`),
      create('span', 'meaning', meaning),
      ...(challenge === null ? [] : [create('code', '', `WWW-Authenticate: ${challenge}`)]),
    );
    at('thief-message').textContent = `${title}: refused. ${meaning}`;
    return;
  }
  const meaning = describeSuccess(await response.json(), response.status);
  show(
    item,
    'let-in',
    createVerdict(`Let in, ${response.status}`, 'no check in the way'),
    create('span', 'meaning', meaning),
  );
  at('thief-message').textContent = `${title}: let in. ${meaning}`;
}

function createVerdict(outcome, check) {
  const verdict = create('p', 'verdict');
  verdict.append(create('strong', '', outcome), ' ', create('strong', '', check));
  return verdict;
}

function describeSuccess(body, status) {
  if (Array.isArray(body)) return `The thief reads the statement: ${body.length} entries.`;
  if (status === 201) return `€100.00 went to the thief. Your balance: ${formatCents(body.balanceCents)}.`;
  if (body.owner === 'thief') return 'The proof in the request meant nothing. Only the token was looked at.';
  return `The thief reads your balance: ${formatCents(body.balanceCents)}.`;
}

/** @param tick called each second, and at the end with 0 */
async function countDown(untilMs, tick) {
  for (let left = untilMs - Date.now(); left > 0; left = untilMs - Date.now()) {
    tick(Math.ceil(left / 1000));
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, 1000)));
  }
  tick(0);
}
