import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { REFUSALS, type RefusalReason, STATUS_OF_CODE } from '../errors/catalogue.js';
import { DpopError, DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import { formatChallenges, isChallenged, type Scheme } from './challenge.js';
import type { DpopRequest } from './dpop-request.js';

const PARAMETERS = { algs: 'ES256' };
const reasons = Object.keys(REFUSALS) as RefusalReason[];
const schemes: readonly (Scheme | undefined)[] = ['DPoP', 'Bearer', undefined];

/** What a header can carry, strings quoted and escaped as in RFC 9110 §5.6.4. */
const PARAMETER = /[a-z_]+="(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/;
const CHALLENGE = `(?:Bearer|DPoP)(?: ${PARAMETER.source}(?:, ${PARAMETER.source})*)?`;
const FIELD = new RegExp(`^${CHALLENGE}(?:, ${CHALLENGE})?$`);

describe('a challenge (D3)', () => {
  test('has the error of a Bearer request in the Bearer challenge alone', () => {
    const challenge = formatChallenges(new DpopError('token_expired'), 'Bearer', true, PARAMETERS);
    expect(challenge).toBe(
      'Bearer error="invalid_token", error_description="The access token has expired", DPoP algs="ES256"',
    );
  });

  test('has the error of a DPoP request in the DPoP challenge alone', () => {
    const challenge = formatChallenges(new DpopError('token_expired'), 'DPoP', true, PARAMETERS);
    expect(challenge).toBe(
      'Bearer, DPoP error="invalid_token", error_description="The access token has expired", algs="ES256"',
    );
  });

  test('without credentials has the scopes of the route, and no error (D1)', () => {
    const missing = (details: object) =>
      formatChallenges(new DpopError('credentials_missing', details), undefined, false, PARAMETERS);
    expect(missing({ scopes: ['a', 'b'] })).toBe('DPoP scope="a b", algs="ES256"');
    expect(missing({})).toBe('DPoP algs="ES256"');
  });

  test('is left out where other credentials would not help (B13, D2)', () => {
    const unchallenged = reasons.filter((reason) => !isChallenged(new DpopError(reason)));
    expect(unchallenged).toEqual(reasons.filter((reason) => REFUSALS[reason][0] === 'insufficient_rights'));
    expect(unchallenged).toContain('role_insufficient');
  });

  test('is for DPoP, with the error, where Bearer is not offered (B4)', () => {
    const challenge = formatChallenges(new DpopError('bound_token_as_bearer'), 'Bearer', false, PARAMETERS);
    expect(challenge).toMatch(/^DPoP error="invalid_token", .*, algs="ES256"$/);
  });

  test('names the metadata of the resource that the request is for (H)', () => {
    const request = { method: 'GET', target: '/a', rawHeaders: [], host: 'b.example' };
    const resourceMetadata = (of: DpopRequest | undefined) => of && `https://${of.host}/m`;
    const parameters = { ...PARAMETERS, resourceMetadata };
    const error = new DpopError('credentials_missing');
    const url = 'resource_metadata="https://b.example/m"';
    expect(formatChallenges(error, undefined, true, parameters, request)).toBe(
      `Bearer ${url}, DPoP algs="ES256", ${url}`,
    );
    expect(formatChallenges(error, undefined, true, parameters)).toBe('Bearer, DPoP algs="ES256"');
  });

  test('names what the route asks for (D2)', () => {
    const scopes = new DpopError('scope_insufficient', { scopes: ['a:read', 'b'] });
    expect(formatChallenges(scopes, 'DPoP', false, PARAMETERS)).toMatch(/, scope="a:read b", algs="ES256"$/);
    const stepUp = new DpopError('authentication_insufficient', {
      acrValues: ['phr', 'phrh'],
      maxAgeSeconds: 0,
    });
    expect(formatChallenges(stepUp, 'DPoP', false, PARAMETERS)).toMatch(
      /, acr_values="phr phrh", max_age="0", algs="ES256"$/,
    );
  });

  test('names realm and metadata when they are configured', () => {
    const parameters = { ...PARAMETERS, realm: 'a "b" \\c', resourceMetadata: 'https://a.example/m' };
    const missing = new DpopError('credentials_missing');
    expect(formatChallenges(missing, undefined, true, parameters)).toBe(
      'Bearer realm="a \\"b\\" \\\\c", resource_metadata="https://a.example/m", ' +
        'DPoP realm="a \\"b\\" \\\\c", algs="ES256", resource_metadata="https://a.example/m"',
    );
  });

  test.each([
    ['control characters', 'a\r\nb\tc\0d\x1f', 'abcd'],
    ['the delete character', 'a\x7fb', 'ab'],
    ['letters beyond ASCII', 'Z\u00fcrich \u{1f511}', 'Zrich '],
    ['half a surrogate pair', 'a\ud800b', 'ab'],
    ['nothing printable', " !#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~", " !#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~"],
    ['quotes and backslashes, which are escaped,', '"\\"\u00e9', '\\"\\\\\\"'],
  ])('drops what no header can carry and nothing else: %s', (_what, realm, written) => {
    const missing = new DpopError('credentials_missing');
    const challenge = formatChallenges(missing, undefined, false, { ...PARAMETERS, realm });
    expect(challenge).toBe(`DPoP realm="${written}", algs="ES256"`);
  });

  test.each(schemes)('has the error of a request that mixed methods in each of them (%s) (A4)', (used) => {
    const mixed = new DpopError('authorization_repeated');
    const error =
      'error="invalid_request", error_description="Multiple methods used to include access token"';
    expect(formatChallenges(mixed, used, true, PARAMETERS)).toBe(
      `Bearer ${error}, DPoP ${error}, algs="ES256"`,
    );
  });

  test.each(schemes)('for a nonce is a lone DPoP challenge (%s) (D4)', (used) => {
    for (const reason of reasons.filter((name) => REFUSALS[name][0] === 'use_dpop_nonce')) {
      const challenge = formatChallenges(new DpopError(reason, { nonce: 'n' }), used, true, PARAMETERS);
      expect(challenge).not.toContain('Bearer');
    }
    const missing = new DpopError('nonce_missing', { nonce: 'n' });
    expect(formatChallenges(missing, 'DPoP', true, PARAMETERS)).toMatch(/^DPoP error="use_dpop_nonce", /);
  });

  test.each(reasons)('has algs in every DPoP challenge: %s', (reason) => {
    for (const used of schemes) {
      for (const bearerOffered of [true, false]) {
        const field = formatChallenges(new DpopError(reason), used, bearerOffered, PARAMETERS);
        expect(field).toMatch(FIELD);
        expect(field.match(/DPoP (?:[^ ]+="[^"]*", )*algs="ES256"/g)).toHaveLength(1);
      }
    }
  });

  test('is well-formed and nothing throws, whatever the values (D5)', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('\r\nX: y', '"', '\\', '\ud800'),
    );
    fc.assert(
      fc.property(
        text,
        text,
        fc.array(text),
        fc.constantFrom(...reasons),
        (realm, resourceMetadata, scopes, reason) => {
          const error = new DpopError(reason, { scopes, acrValues: scopes });
          for (const used of schemes) {
            const field = formatChallenges(error, used, true, {
              algs: 'ES256',
              realm,
              resourceMetadata,
            });
            expect(field).toMatch(FIELD);
            expect(() => new Headers({ 'www-authenticate': field })).not.toThrow();
          }
        },
      ),
    );
  });
});

describe('the catalogue (D5)', () => {
  test.each(reasons)('%s is a sentence of plain ASCII with a known code', (reason) => {
    const [code, sentence] = REFUSALS[reason];
    // The alphabet of error_description (RFC 6750 §3).
    expect(sentence).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    expect(new DpopError(reason)).toMatchObject({ code, message: sentence, status: STATUS_OF_CODE[code] });
  });

  test('tells each reason by a sentence of its own', () => {
    expect(new Set(reasons.map((reason) => REFUSALS[reason][1])).size).toBe(reasons.length);
  });

  test('a failure of the service has its own name and reveals nothing of its cause (D8)', () => {
    expect(new DpopUnavailableError('issuer_unavailable', { cause: new Error('secret') })).toMatchObject({
      name: 'DpopUnavailableError',
      message: 'The request cannot be verified at the moment',
    });
  });

  test('any other error is a failure of the service (D8)', () => {
    const refusal = new DpopError('token_invalid');
    const failure = new DpopUnavailableError('replay_store_full');
    expect(toDpopError(refusal)).toBe(refusal);
    expect(toDpopError(failure)).toBe(failure);
    for (const thrown of [new Error('secret'), 'text', undefined, null, { status: 200 }]) {
      const error = toDpopError(thrown);
      expect(error).toMatchObject({
        code: 'temporarily_unavailable',
        status: 503,
        reason: 'internal_failure',
      });
      expect(error.message).not.toContain('secret');
    }
  });
});
