import * as oauth from './vendor/index.js';
import { formatCents, say, showAccount, showFeed, showState } from './account-view.js';
import { finishLogin, logIn } from './authorization-server.js';
import { callBank, interceptProof, StepUpRequired } from './bank-api.js';
import { explainRefusal } from './checks.js';
import { openFeed } from './feed.js';
import { loadKeys, tryToExport } from './key-store.js';
import { chooseBank, currentBank, dropToken, readToken } from './session.js';
import { setThiefsBench } from './thief-view.js';
import { drawTimeline } from './timeline-view.js';

const at = (id) => document.getElementById(id);

const keys = await loadKeys();
const dpop = oauth.DPoP({}, keys);
let closeFeed = () => undefined;

const bench = setThiefsBench({
  bank: currentBank,
  token: () => readToken(currentBank())?.value,
  read: readAccount,
  intercept: () => interceptProof(currentBank(), dpop, '/account'),
});

/** @returns whether the account of the bank that is still shown could be read */
async function readAccount() {
  const bank = currentBank();
  try {
    const account = await callBank(bank, dpop, 'GET', '/account');
    if (bank !== currentBank()) return false;
    showAccount(account);
    return true;
  } catch (error) {
    if (bank === currentBank()) endOrSay(error);
    return false;
  }
}

/** One at a time. The button is not disabled meanwhile: it would lose the focus. */
async function transferOnce(body, hasConfirmed) {
  const button = document.querySelector('#transfer button');
  if (button.ariaDisabled === 'true') return;
  button.ariaDisabled = 'true';
  try {
    await transfer(body, hasConfirmed);
  } finally {
    button.ariaDisabled = 'false';
  }
}

/** @param hasConfirmed whether the user comes from the second factor that the bank had asked for */
async function transfer(body, hasConfirmed = false) {
  const bank = currentBank();
  try {
    const account = await callBank(bank, dpop, 'POST', '/transfers', body);
    showAccount(account);
    say(`${formatCents(body.amountCents)} sent to ${body.to}.`);
  } catch (error) {
    if (!(error instanceof StepUpRequired)) return endOrSay(error);
    // Another login would end here again.
    if (hasConfirmed) return say('The bank does not accept this login for transfers.');
    say(error.message);
    await logIn(bank, dpop, { stepUp: error.stepUp, after: { transfer: body } }).catch(endOrSay);
  }
}

function endOrSay(error) {
  const { isOver, sentence } = explainRefusal(error);
  if (isOver) end(sentence);
  else say(sentence);
}

function end(sentence) {
  closeFeed();
  dropToken(currentBank());
  bench.clear();
  showState('ended');
  say(sentence);
}

async function startFeed() {
  if (currentBank() !== 'dpop') return showFeed('No feed here', 'off');
  const token = readToken('dpop')?.value;
  const close = await openFeed(dpop, {
    onAccount: showAccount,
    onEnd: (code) => {
      showFeed(`Closed by the bank, ${code}`, 'off');
      end('The token has ended, and the bank has closed the feed. Log in again.');
    },
    onBreak: (code) => showFeed(`Broken off, ${code}`, 'off'),
  });
  // The user may have changed the bank, or logged out, while the ticket was fetched.
  if (currentBank() !== 'dpop' || readToken('dpop')?.value !== token) return close();
  closeFeed = close;
  showFeed('Live', 'on');
}

/** Shows the chosen bank, with the account if there is a token. */
async function showBank() {
  closeFeed();
  const bank = currentBank();
  document.body.dataset.bank = bank;
  at(`bank-${bank}`).checked = true;
  showFeed('Not connected', 'off');
  const isIn = (readToken(bank)?.endsAtMs ?? 0) > Date.now();
  if (!isIn) dropToken(bank);
  bench.clear();
  showState(isIn ? 'in' : 'out');
  if (!isIn) return;
  await readAccount();
  if (readToken(bank) !== undefined) await startFeed().catch(endOrSay);
}

at('thumbprint').textContent = await dpop.calculateThumbprint();
drawTimeline(at('timeline'), at('timeline-scroll'));

at('export').addEventListener('click', async () => {
  at('export-outcome').textContent = await tryToExport(keys);
});
for (const button of document.querySelectorAll('.log-in')) {
  button.addEventListener('click', () => logIn(currentBank(), dpop).catch(endOrSay));
}
at('log-out').addEventListener('click', async () => {
  dropToken(currentBank());
  say('Logged out here, not at the authorization server. The key stays.');
  await showBank();
  document.querySelector('.out .log-in').focus();
});
at('transfer').addEventListener('submit', async (event) => {
  event.preventDefault();
  const amountCents = Math.round(Number(at('amount').value) * 100);
  await transferOnce({ to: at('to').value.trim(), amountCents });
});
for (const bank of ['dpop', 'bearer']) {
  at(`bank-${bank}`).addEventListener('change', async () => {
    chooseBank(bank);
    say('');
    await showBank();
  });
}

// Errors of oauth4webapi have a code, and words for developers.
const after = await finishLogin(dpop).catch(({ code, message }) =>
  say(code === undefined ? message : 'The login failed. Log in again.'),
);
await showBank();
if (after?.transfer !== undefined) await transferOnce(after.transfer, true);
document.body.dataset.ready = 'yes';
