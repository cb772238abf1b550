import type { Change } from './changes.js';
import type { ConfigurationName } from './configurations.js';
import { type Row, rows } from './row.js';

type Changes = Readonly<Record<string, Change>>;

/** Changes of a proof, all refused alike. */
export const proofRows = (
  id: string,
  expect: Row['expect'],
  changes: Changes,
  from?: readonly Change[],
): readonly Row[] =>
  rows(changes, (what, change) => ({
    id,
    what: `proof: ${what}`,
    ...(from && { from }),
    change: [change],
    expect,
  }));

/** Changes that a configuration answers alike. */
export const claimRows = (
  id: string,
  expect: Row['expect'],
  changes: Changes,
  on: ConfigurationName = 'default',
): readonly Row[] => rows(changes, (what, change) => ({ id, what, on, change: [change], expect }));
