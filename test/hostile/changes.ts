import type { Field } from '../support/raw-request.js';
import { type Draft, encode, type JwsDraft, type Sent, signJws } from './draft.js';
import { type Json, type SigningKey, thumbprintOf } from './keys.js';

/** What a change may need to know of the service that it is sent to. */
export interface ChangeContext {
  readonly port: number;
  readonly nonces: Nonces;
  /** The request that the row sent before this one. */
  readonly prior: Sent | undefined;
}

/** Nonces of the service itself, by the window of the clock they were handed out in, and of its neighbours. */
export interface Nonces {
  readonly present: string;
  readonly previous: string;
  readonly next: string;
  /** Two windows ago, and two ahead. */
  readonly expired: string;
  readonly premature: string;
  /** Of a service with the same secret and another realm. */
  readonly foreign: string;
  /** Of the neighbour that the configuration names: the same service with a replay memory, or a secret, of its own. */
  readonly twin: string;
}

/** One step from a draft to the next. */
export type Change = (draft: Draft, context: ChangeContext) => Draft;

export const applyChanges = (draft: Draft, changes: readonly Change[], context: ChangeContext): Draft =>
  changes.reduce((changed, change) => change(changed, context), draft);

/** Several steps that make one defect together. */
export const all =
  (...changes: readonly Change[]): Change =>
  (draft, context) =>
    applyChanges(draft, changes, context);

const request =
  (parts: Partial<Draft>): Change =>
  (draft) => ({ ...draft, ...parts });
const proof =
  (step: (proof: JwsDraft) => Partial<JwsDraft>): Change =>
  (draft) => ({ ...draft, proof: { ...draft.proof, ...step(draft.proof) } });
const token =
  (step: (token: JwsDraft) => Partial<JwsDraft>): Change =>
  (draft) => ({ ...draft, token: { ...draft.token, ...step(draft.token) } });

// The request

export const method = (value: string): Change => request({ method: value });
export const target = (value: string): Change => request({ target: value });
export const version = (value: string): Change => request({ version: value });
export const hosts = (...values: readonly string[]): Change => request({ hosts: values });
export const dpop = (fields: Draft['dpop']): Change => request({ dpop: fields });
export const authorization = (fields: Draft['authorization']): Change => request({ authorization: fields });

/** One field line for each value. */
export const dpopLines = (values: (proof: string) => readonly string[]): Change =>
  dpop((compact) => values(compact).map((value): Field => ['DPoP', value]));
export const authorizationLines = (values: (token: string) => readonly string[]): Change =>
  authorization((compact) => values(compact).map((value): Field => ['Authorization', value]));

/** A field beside the others; one of the same name is replaced. */
export const field =
  (name: string, value: string): Change =>
  (draft) => ({
    ...draft,
    fields: [
      ...draft.fields.filter(([present]) => present.toLowerCase() !== name.toLowerCase()),
      [name, value],
    ],
  });

export const body =
  (type: string, text: string): Change =>
  (draft, context) =>
    field('Content-Type', type)({ ...draft, method: 'POST', body: text }, context);

/** A right request for another path, at the same origin. */
export const path =
  (value: string): Change =>
  (draft, context) => {
    const { origin } = new URL(String(draft.proof.claims['htu']));
    return proofClaims({ htu: `${origin}${value}` })({ ...draft, target: value }, context);
  };

/** Signs the token already, so that it can be put elsewhere, too. */
export const withToken =
  (place: (token: string) => Partial<Draft>): Change =>
  (draft) => {
    const compact = signJws(draft.token);
    return { ...draft, token: { ...draft.token, compact: () => compact }, ...place(compact) };
  };

/** Fills a JWT with white space, which JSON allows, up to exactly this length. */
export const padTo =
  (part: 'token' | 'proof', length: number): Change =>
  (draft) => {
    const encodedLength = (octets: number) => Math.ceil((octets * 4) / 3);
    const signatureLength = encode(draft[part].key.sign(Buffer.alloc(0))).length;
    const headerOctets = JSON.stringify(draft[part].header).length;
    const restFor = (size: number) => length - 2 - signatureLength - encodedLength(size);
    // No segment can have a rest of one character: then the header takes one octet more.
    const headerSize = restFor(headerOctets) % 4 === 1 ? headerOctets + 1 : headerOctets;
    const payloadSize = Math.floor((restFor(headerSize) * 3) / 4);
    const stages: Partial<JwsDraft> = {
      headerOctets: (json) => json.padEnd(headerSize),
      payloadOctets: (json) => json.padEnd(payloadSize),
    };
    return { ...draft, [part]: { ...draft[part], ...stages } };
  };

// The proof

export const proofHeader = (members: Json): Change =>
  proof(({ header }) => ({ header: { ...header, ...members } }));
export const proofClaims = (members: Json): Change =>
  proof(({ claims }) => ({ claims: { ...claims, ...members } }));
export const proofHeaderOctets = (headerOctets: JwsDraft['headerOctets']): Change =>
  proof(() => ({ headerOctets }));
export const proofPayloadOctets = (payloadOctets: JwsDraft['payloadOctets']): Change =>
  proof(() => ({ payloadOctets }));
export const proofSignature = (signature: JwsDraft['signature']): Change => proof(() => ({ signature }));
export const proofCompact = (compact: JwsDraft['compact']): Change => proof(() => ({ compact }));
/** Signs with this key, while `jwk` and `alg` stay as they are. */
export const proofSignedBy = (key: Pick<SigningKey, 'sign'>): Change =>
  proof((draft) => ({ key: { ...draft.key, sign: key.sign } }));
export const htu = (value: unknown): Change => proofClaims({ htu: value });
export const nonce =
  (pick: (nonces: Nonces) => unknown): Change =>
  (draft, context) =>
    proofClaims({ nonce: pick(context.nonces) })(draft, context);

/** Other members of `jwk`; the token is bound to what comes out, so that only the key itself is at fault. */
export const jwk =
  (members: Json): Change =>
  (draft, context) => {
    const changed = JSON.parse(
      JSON.stringify({ ...(draft.proof.header['jwk'] as Json), ...members }),
    ) as Json;
    const bound = tokenClaims({ cnf: { jkt: thumbprintOf(changed) } })(draft, context);
    return proofHeader({ jwk: changed })(bound, context);
  };

/** Another client, with a token of its own. */
export const clientKey =
  (key: SigningKey | (() => SigningKey)): Change =>
  (draft, context) => {
    const chosen = typeof key === 'function' ? key() : key;
    const { alg, publicJwk } = chosen;
    const bound = tokenClaims({ cnf: { jkt: thumbprintOf(publicJwk) } })(draft, context);
    const headed = proofHeader({ alg, jwk: publicJwk })(bound, context);
    return { ...headed, proof: { ...headed.proof, key: chosen } };
  };

/** The token and the proof of the request before, octet for octet, or the proof in another spelling. */
export const resend =
  (respell: (proof: string) => string = (same) => same): Change =>
  (draft, { prior }) => {
    if (prior === undefined) throw new Error('the row has no request before this one');
    return {
      ...draft,
      token: { ...draft.token, compact: () => prior.token },
      proof: { ...draft.proof, compact: () => respell(prior.proof) },
    };
  };

/** The `jti` of the request before, and else a proof of its own. */
export const sameJti: Change = (draft, { prior }) => {
  if (prior === undefined) throw new Error('the row has no request before this one');
  const { jti } = JSON.parse(Buffer.from(prior.proof.split('.')[1] ?? '', 'base64url').toString()) as Json;
  return { ...draft, proof: { ...draft.proof, claims: { ...draft.proof.claims, jti } } };
};

// The token

export const tokenHeader = (members: Json): Change =>
  token(({ header }) => ({ header: { ...header, ...members } }));
export const tokenClaims = (members: Json): Change =>
  token(({ claims }) => ({ claims: { ...claims, ...members } }));
export const tokenHeaderOctets = (headerOctets: JwsDraft['headerOctets']): Change =>
  token(() => ({ headerOctets }));
export const tokenPayloadOctets = (payloadOctets: JwsDraft['payloadOctets']): Change =>
  token(() => ({ payloadOctets }));
export const tokenSignature = (signature: JwsDraft['signature']): Change => token(() => ({ signature }));
export const tokenCompact = (compact: JwsDraft['compact']): Change => token(() => ({ compact }));
export const tokenSignedBy = (key: Pick<SigningKey, 'sign'>): Change =>
  token((draft) => ({ key: { ...draft.key, sign: key.sign } }));

// Bearer

/** An unbound token with the scheme `Bearer` and no proof. */
export const asBearer: readonly Change[] = [
  tokenClaims({ cnf: undefined }),
  authorizationLines((compact) => [`Bearer ${compact}`]),
  dpopLines(() => []),
];
