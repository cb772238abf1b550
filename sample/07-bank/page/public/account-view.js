import { create } from './timeline-view.js';

const euro = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });
const SHOWN = 5;

export const formatCents = (cents) => euro.format(cents / 100);

const at = (id) => document.getElementById(id);

export function showAccount({ balanceCents, entries }) {
  at('balance').textContent = formatCents(balanceCents);
  const rows = entries
    .slice(-SHOWN)
    .toReversed()
    .map(({ text, amountCents }) => {
      const row = create('li', amountCents < 0 ? 'out' : 'in');
      row.append(create('span', '', text), create('span', 'amount', formatCents(amountCents)));
      return row;
    });
  at('entries').replaceChildren(...rows);
}

/** @param state `out`, `in` or `ended` */
export function showState(state) {
  document.body.dataset.login = state;
  for (const element of document.querySelectorAll('[data-needs-login]')) element.disabled = state !== 'in';
}

export function say(sentence) {
  at('message').textContent = sentence;
}

export function showFeed(sentence, state) {
  at('feed').textContent = sentence;
  at('feed').dataset.state = state;
}
