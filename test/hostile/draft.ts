import { hash } from 'node:crypto';
import type { Field, RawRequest } from '../support/raw-request.js';
import type { Json, SigningKey } from './keys.js';

/** A JWT before it is signed. Whatever a row leaves alone is right. */
export interface JwsDraft {
  readonly header: Json;
  readonly claims: Json;
  readonly key: SigningKey;
  /** What becomes of the JSON text of header and payload before they are encoded. */
  readonly headerOctets: (json: string) => string | Uint8Array;
  readonly payloadOctets: (json: string) => string | Uint8Array;
  /** What becomes of the signature before it is encoded. */
  readonly signature: (signature: Buffer, input: Buffer) => Uint8Array;
  /** What becomes of the three segments. */
  readonly compact: (header: string, payload: string, signature: string) => string;
}

/** A request before it is sent: plain data, and functions of what is signed last. */
export interface Draft {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly hosts: readonly string[];
  readonly token: JwsDraft;
  readonly proof: JwsDraft;
  /** The fields that carry the token and the proof. */
  readonly authorization: (token: string) => readonly Field[];
  readonly dpop: (proof: string) => readonly Field[];
  readonly fields: readonly Field[];
  readonly body: string | undefined;
}

/** What went over the wire. */
export interface Sent {
  readonly token: string;
  readonly proof: string;
  readonly request: RawRequest;
}

export const RIGHT_JWS: Pick<JwsDraft, 'headerOctets' | 'payloadOctets' | 'signature' | 'compact'> = {
  headerOctets: (json) => json,
  payloadOctets: (json) => json,
  signature: (signature) => signature,
  compact: (header, payload, signature) => `${header}.${payload}.${signature}`,
};

export const encode = (octets: string | Uint8Array): string => Buffer.from(octets).toString('base64url');

export const athOf = (token: string): string => hash('sha256', token, 'base64url');

export function signJws({ header, claims, key, ...stages }: JwsDraft): string {
  const segments = [
    encode(stages.headerOctets(JSON.stringify(header))),
    encode(stages.payloadOctets(JSON.stringify(claims))),
  ] as const;
  const input = Buffer.from(segments.join('.'));
  return stages.compact(...segments, encode(stages.signature(key.sign(input), input)));
}

/** Signs the token, then the proof, whose `ath` depends on the token, and writes the request. */
export function assemble(draft: Draft): Sent {
  const token = signJws(draft.token);
  const proof = signJws({ ...draft.proof, claims: { ath: athOf(token), ...draft.proof.claims } });
  const fields = [
    ...draft.hosts.map((host): Field => ['Host', host]),
    ...draft.fields,
    ...draft.authorization(token),
    ...draft.dpop(proof),
  ];
  const { method, target, version, body } = draft;
  return { token, proof, request: { method, target, version, fields, ...(body !== undefined && { body }) } };
}
