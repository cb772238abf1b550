import type { Change, Nonces } from '../hostile/changes.js';
import { applyChanges } from '../hostile/changes.js';
import { createBaseline } from '../hostile/baseline.js';
import { assemble, type Draft, type Sent } from '../hostile/draft.js';
import type { Refused, Row } from '../hostile/row.js';
import { SUBJECTS } from '../hostile/table.js';

/** What a developer can put into files: the defect is in the proof or in the token, and not in how they are sent. */
export interface ExpressibleRow extends Row {
  readonly expect: Refused;
}

/** The last nonce that a server supplied, and others. */
export const NONCES: Nonces = {
  present: 'nonce-of-the-server',
  previous: 'former-nonce-of-the-server',
  next: 'next-nonce',
  expired: 'expired-nonce',
  premature: 'premature-nonce',
  foreign: 'nonce-of-another-server',
  twin: 'nonce-of-a-twin',
};

/** Of rows of the default configuration that are refused for their proof, its binding, or their token. */
export function expressibleRows(subjects: readonly string[]): readonly ExpressibleRow[] {
  return subjects.flatMap((subject) => {
    const rows = SUBJECTS[subject];
    if (rows === undefined) throw new Error(`there is no subject ${subject}`);
    return rows.filter(isExpressible);
  });
}

function isExpressible(row: Row): row is ExpressibleRow {
  const { on = 'default', after, laterSeconds, expect } = row;
  if (on !== 'default' || after !== undefined || laterSeconds !== undefined) return false;
  return expect.kind === 'refused' && /^(?:proof|token|key_binding)/.test(expect.reason);
}

/** The request of a row, and the draft it was made of. */
export function composeRow(
  { from = [], change }: Pick<Row, 'from' | 'change'>,
  baseline: readonly Change[] = [],
  port = 0,
): { readonly draft: Draft; readonly sent: Sent } {
  const context = { port, nonces: NONCES, prior: undefined };
  const draft = applyChanges(createBaseline(), [...baseline, ...from, ...change], context);
  return { draft, sent: assemble(draft) };
}
