import * as oauth from './vendor/index.js';
import { formatCents, say, showAccount, showFeed, showState } from './account-view.js';
import { finishLogin, logIn } from './authorization-server.js';
import { callBank, interceptProof, StepUpRequired } from './bank-api.js';
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

async function readAccount() {
  const bank = currentBank();
  try {
    const account = await callBank(bank, dpop, 'GET', '/account');
    if (bank === currentBank()) showAccount(account);
  } catch (error) {
    if (bank === currentBank()) endOrSay(error);
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
    await logIn(bank, dpop, { stepUp: error.stepUp, after: { transfer: body } });
  }
}

function endOrSay(error) {
  if (error.status === 401) end('The token has ended. Log in again.');
  else say(error.message);
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
  bench.clear();
  showFeed('Not connected', 'off');
  const isIn = (readToken(bank)?.endsAtMs ?? 0) > Date.now();
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
  say('You are logged out here. The key stays.');
  await showBank();
});
at('transfer').addEventListener('submit', async (event) => {
  event.preventDefault();
  const amountCents = Math.round(Number(at('amount').value) * 100);
  await transfer({ to: at('to').value.trim(), amountCents });
});
for (const bank of ['dpop', 'bearer']) {
  at(`bank-${bank}`).addEventListener('change', async () => {
    chooseBank(bank);
    say('');
    await showBank();
  });
}

const after = await finishLogin(dpop).catch((error) => say(`The login failed: ${error.message}`));
await showBank();
if (after?.transfer !== undefined) await transfer(after.transfer, true);
document.body.dataset.ready = 'yes';
