import type { DpopErrorCode, RefusalReason } from '../../lib/index.js';
import type { Change } from './changes.js';
import type { ConfigurationName } from './configurations.js';

/** One hostile request: a valid one with one defect, and the only right answer to it. */
export interface Row {
  /** The requirement that it proves. */
  readonly id: string;
  readonly what: string;
  /** Default `default`. */
  readonly on?: ConfigurationName;
  /** What makes another valid request of the baseline, which is sent first and must pass. */
  readonly from?: readonly Change[];
  /** The scheme of that request, default DPoP. */
  readonly fromScheme?: 'Bearer';
  /** A request sent before, with what must become of it. */
  readonly after?: { readonly change?: readonly Change[]; readonly expect?: Expected };
  /** How much later than the request before this one is sent. */
  readonly laterSeconds?: number;
  readonly change: readonly Change[];
  readonly expect: Expected;
  /** Where Fastify itself answers in another way. */
  readonly expectOnFastify?: RefusedByServer;
}

export type Expected = Accepted | Refused | Unavailable | RefusedByServer;

export interface Accepted {
  readonly kind: 'accepted';
  /** Whether a fresh nonce rides on the answer (§8.2). */
  readonly freshNonce: boolean;
  /** Whose scheme; default DPoP. */
  readonly scheme: 'DPoP' | 'Bearer';
}

export interface Refused {
  readonly kind: 'refused';
  readonly code: Exclude<DpopErrorCode, 'temporarily_unavailable'>;
  /** Whose sentence of the catalogue the client is told. */
  readonly reason: RefusalReason;
  /** The scheme that the request used, if it was one that a protected resource knows. */
  readonly used: 'DPoP' | 'Bearer' | undefined;
  /** Parameters beside error, error_description and algs. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface Unavailable {
  readonly kind: 'unavailable';
}

/** Node or the framework refuses it, before any guard. */
export interface RefusedByServer {
  readonly kind: 'refused by server';
  readonly status: number;
}

export const accepted: Accepted = { kind: 'accepted', freshNonce: false, scheme: 'DPoP' };
export const acceptedWithNonce: Accepted = { ...accepted, freshNonce: true };
export const acceptedAsBearer: Accepted = { ...accepted, scheme: 'Bearer' };
export const unavailable: Unavailable = { kind: 'unavailable' };
export const refusedByServer = (status: number): RefusedByServer => ({ kind: 'refused by server', status });

export const refused = (
  code: Refused['code'],
  reason: RefusalReason,
  { used = 'DPoP', parameters = {} }: Partial<Pick<Refused, 'used' | 'parameters'>> = {},
): Refused => ({ kind: 'refused', code, reason, used, parameters });

/** No credentials that a protected resource knows: a challenge without an error. */
export const unauthenticated: Refused = {
  kind: 'refused',
  code: 'credentials_missing',
  reason: 'credentials_missing',
  used: undefined,
  parameters: {},
};

export const badProof = (reason: RefusalReason): Refused => refused('invalid_dpop_proof', reason);
export const badToken = (reason: RefusalReason): Refused => refused('invalid_token', reason);
export const badBearer = (reason: RefusalReason): Refused =>
  refused('invalid_token', reason, { used: 'Bearer' });
export const badRequest = (reason: RefusalReason): Refused => refused('invalid_request', reason);
export const needsNonce = (reason: RefusalReason): Refused => refused('use_dpop_nonce', reason);

/** One row for each entry of a record: what is wrong, and the value that makes it so. */
export const rows = <T>(
  values: Readonly<Record<string, T>>,
  toRow: (what: string, value: T) => Row,
): readonly Row[] => Object.entries(values).map(([what, value]) => toRow(what, value));
