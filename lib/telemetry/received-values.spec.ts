import { describe, expect, test } from '@jest/globals';
import { describeReceived } from './received-values.js';

type Members = Readonly<Record<string, unknown>>;

const encode = (members: Members) => Buffer.from(JSON.stringify(members)).toString('base64url');
const jwsOf = (header: Members, claims: Members) => `${encode(header)}.${encode(claims)}.c2lnbmF0dXJl`;

interface Sent {
  readonly method?: string;
  readonly target?: string;
  readonly proofHeader?: Members;
  readonly proof?: Members;
  readonly tokenHeader?: Members;
  readonly token?: Members;
}

function describeSent({ method = 'GET', target = '/a', proofHeader, proof, tokenHeader, token }: Sent) {
  const proofText = jwsOf({ typ: 'dpop+jwt', ...proofHeader }, { htm: 'GET', ...proof });
  const tokenText = jwsOf({ typ: 'at+jwt', ...tokenHeader }, { iss: 'https://issuer.test', ...token });
  const rawHeaders = ['Authorization', `DPoP ${tokenText}`, 'DPoP', proofText];
  return describeReceived({ method, target, rawHeaders });
}

describe('values that the client sent, for the log (D9)', () => {
  test('are those that explain a refusal, in one order', () => {
    const all = { htm: 'PUT', htu: 'https://a.test/b', iat: 1.5, exp: 3, nbf: 2 };
    const known = { typ: 't', alg: 'a', crit: ['c'], kid: 'k', jwk: { kty: 'EC' }, cty: 'x' };
    const claims = { iss: 'i', aud: ['b', 'c'], iat: 1, exp: true, nbf: null, sub: 's', cnf: {}, azp: 'z' };
    expect(
      describeSent({ proofHeader: known, proof: { ...all, sub: 's' }, tokenHeader: known, token: claims }),
    ).toBe(
      'received: request method "GET", target "/a"; ' +
        String.raw`proof typ "t", alg "a", crit "[\"c\"]", htm "PUT", htu "https://a.test/b", iat 1.5, exp 3, nbf 2; ` +
        String.raw`token typ "t", alg "a", kid "k", iss "i", aud "[\"b\",\"c\"]", iat 1, exp true, nbf "null"`,
    );
  });

  test.each<[string, readonly string[]]>([
    ['are absent', []],
    ['are empty', ['Authorization', '', 'DPoP', '']],
    ['are no JSON', ['Authorization', 'DPoP a.b.c', 'DPoP', 'a.b']],
    ['have no value', ['DPoP']],
    ['are values of other fields', ['X', 'dpop', 'Y', 'authorization']],
  ])('are the request alone if both fields %s', (_what, rawHeaders) => {
    expect(describeReceived({ method: 'GET', target: '/', rawHeaders })).toBe(
      'received: request method "GET", target "/"',
    );
  });

  test('are shown if they are the name of a field', () => {
    const rawHeaders = ['Accept-Language', 'de'];
    expect(describeReceived({ method: 'Accept-Language', target: '/', rawHeaders })).toContain(
      'method "Accept-Language"',
    );
  });

  test('are read from a field whatever its case, its scheme and its blanks', () => {
    const token = jwsOf({ alg: 'ES256' }, {});
    for (const value of [`DPoP ${token}`, `x   ${token}`, ` ${token}`, `  ${token}`])
      for (const name of ['authorization', 'AUTHORIZATION'])
        expect(
          describeReceived({ method: 'GET', target: '/', rawHeaders: ['X', name, name, value] }),
        ).toMatch(/; token alg "ES256"$/);
  });

  test('are not shown if they hold the token, the proof, a part of them, a nonce, a jti or an ath', () => {
    const names = ['jti', 'nonce', 'ath'];
    for (const name of names) {
      const hidden = { [name]: 'secret' };
      for (const text of ['secret', 'asecretb'])
        for (const sent of [
          { proof: { ...hidden, htm: text } },
          { token: { ...hidden }, proof: { htm: text } },
          { proof: { ...hidden }, token: { iss: [text] } },
          { proof: { ...hidden }, method: text },
          { proof: { ...hidden }, target: `/${text}` },
        ]) {
          expect(describeSent(sent)).toContain(' (not shown)');
          expect(describeSent(sent)).not.toContain('secret');
        }
    }
    const token = jwsOf({ typ: 'at+jwt' }, { a: 1 });
    const proof = jwsOf({}, { a: 2 });
    for (const secret of [token, proof, ...token.split('.'), ...proof.split('.').slice(1)]) {
      const rawHeaders = ['Authorization', `DPoP  ${token}`, 'DPoP', proof];
      expect(describeReceived({ method: secret, target: '/', rawHeaders })).toContain('method (not shown)');
    }
  });

  test('are not shown if they hold a ticket of the query or of a sub-protocol (J2)', () => {
    for (const target of ['/a?ticket=secret', '/a?b=c&%74icket=secret', 'http://a.test/b?ticket=secret&c'])
      expect(describeReceived({ method: 'xsecret', target, rawHeaders: [] })).toContain('method (not shown)');
    const rawHeaders = ['Sec-WebSocket-Protocol', 'feed, ticket.secret'];
    const shown = describeReceived({ method: 'secret', target: '/secret', rawHeaders });
    expect(shown).toBe('received: request method (not shown), target (not shown)');
    expect(describeReceived({ method: 'a', target: '/b?c=target', rawHeaders: [] })).not.toContain(
      'target (',
    );
  });

  test('are shown if only something like a ticket stands there', () => {
    const shown = (target: string, rawHeaders: readonly string[] = []) =>
      describeReceived({ method: 'public', target, rawHeaders });
    // Neither another parameter of the query nor the path is a ticket.
    for (const target of ['/a?b=public', '/ticket=public', '/a?ticket=other?ticket=public'])
      expect(shown(target)).toContain('method "public"');
    for (const protocols of ['feed, xticket.public', 'public', 'ticket.other', 'feed'])
      expect(shown('/a', ['Sec-WebSocket-Protocol', protocols])).toContain('method "public"');
    expect(describeReceived({ method: 'Stryker', target: '/', rawHeaders: [] })).toContain('"Stryker"');
  });

  test('may hold a text of five characters that is also a jti: it occurs by chance', () => {
    expect(describeSent({ proof: { jti: 'https', htm: 'https' } })).toContain('htm "https"');
    expect(describeSent({ proof: { jti: 123_456, htm: 'x123456' } })).toContain('htm "x123456"');
  });

  test('are cut after 200 characters', () => {
    const text = 'm'.repeat(200);
    expect(describeSent({ proof: { htm: text } })).toContain(`htm "${text}"`);
    expect(describeSent({ proof: { htm: `${text}m` } })).toContain(`htm "${text}..."`);
  });

  test('have no query and no userinfo', () => {
    const shown: readonly (readonly [string, string])[] = [
      ['/a?b=c', '/a?(not shown)'],
      ['/a#b?c', '/a#(not shown)'],
      ['/a?b\nc\u2028d', '/a?(not shown)'],
      ['/a?', '/a?(not shown)'],
    ];
    for (const [value, expected] of shown) {
      expect(describeSent({ target: value })).toContain(`target "${expected}"`);
      expect(describeSent({ proof: { htu: value } })).toContain(`htu "${expected}"`);
    }
    const userinfo: readonly (readonly [string, string])[] = [
      ['https://user:password@a.test/b', 'https://(not shown)@a.test/b'],
      ['https://a@b@c.test/d@e', 'https://(not shown)@c.test/d@e'],
      ['https://@a.test', 'https://(not shown)@a.test'],
      ['https://a.test/b@c', 'https://a.test/b@c'],
    ];
    for (const [value, expected] of userinfo)
      expect(describeSent({ proof: { htu: value } })).toContain(`htu "${expected}"`);
  });

  test('are printable ASCII', () => {
    expect(describeSent({ method: '\u0000 ~\u007f\u00e9\u202e\n"' })).toContain(
      String.raw`method "\u0000 ~\u007f\u00e9\u202e\n\""`,
    );
  });
});
