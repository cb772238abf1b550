import { config } from './config.js';

/** What each bank checks, in its order. */
const CHECKS = {
  api: ['shape', 'token', 'proof header', 'key binding', 'proof claims', 'signature', 'policy', 'replay'],
  plain: ['token'],
};

/** What the server of this request checks. */
export function checksOf({ lane, actor, proof }) {
  if (lane !== 'issuer') return CHECKS[lane];
  const login = actor === 'thief' ? ['client secret'] : ['code', 'PKCE'];
  return proof === null ? login : [...login, 'proof of the key'];
}

/** The sentence of a challenge, the check that says it, and what it means. */
const MEANINGS = {
  'Bearer tokens are not accepted, use the DPoP scheme': [
    'shape',
    'The bank wants a proof made with the key. A token alone opens nothing.',
  ],
  'Invalid DPoP key binding': [
    'key binding',
    'The token names one key by its fingerprint, and the proof is signed with another.',
  ],
  'The DPoP proof was used before': ['replay', 'Each proof works once, and the bank has seen this one.'],
  'The htu claim does not match the request URI': [
    'proof claims',
    'The proof names the one URL that it was made for, and this is another.',
  ],
  'The DPoP proof is too old': [
    'proof claims',
    `The proof says when it was made, and the bank takes none older than ${config.maxProofAgeSeconds} seconds.`,
  ],
  'Resource server requires nonce in DPoP proof': [
    'policy',
    'The bank sends a nonce. The next proof must contain it.',
  ],
  'A stronger or more recent user authentication is required': [
    'policy',
    'Money moves only after a second factor.',
  ],
  'The access token has expired': ['token', 'The token has ended.'],
};

/** Why the bank takes a token no longer, by its sentence. */
const ENDINGS = {
  'The access token has expired': 'The token has ended.',
  'Invalid DPoP key binding': 'The key of this token is lost.',
};

/**
 * What the page says of a refused request, and whether another login helps: the bank takes the token no longer.
 *
 * @param refused `status`, `code` of the challenge, and the sentence as `message`
 */
export function explainRefusal({ status, code = 'invalid_token', message }) {
  if (status !== 401) return { isOver: false, sentence: message };
  if (code !== 'invalid_token') return { isOver: false, sentence: MEANINGS[message]?.[1] ?? message };
  return {
    isOver: true,
    sentence: `${ENDINGS[message] ?? 'The bank does not accept this token.'} Log in again.`,
  };
}

/** @param challenge the header `WWW-Authenticate` */
export function explain(challenge) {
  const [, sentence = ''] = /error_description="([^"]*)"/.exec(challenge ?? '') ?? [];
  const [check, meaning] = MEANINGS[sentence] ?? [
    undefined,
    sentence || 'The bank does not accept this token.',
  ];
  return { check, sentence, meaning };
}
