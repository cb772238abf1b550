import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { confirmClientCertificate } from './client-certificate.js';

const DER = Buffer.from('a certificate');
const thumbprintOf = (der: Uint8Array): string => createHash('sha256').update(der).digest('base64url');
const THUMBPRINT = thumbprintOf(DER);
const presenting = (der: Uint8Array | undefined) => ({ clientCertificate: () => der });

describe('a token that is bound to a client certificate (B11)', () => {
  test('is good with the certificate whose SHA-256 it names', () => {
    expect(confirmClientCertificate({ jkt: 'x', 'x5t#S256': THUMBPRINT }, presenting(DER))).toBe(true);
  });

  test.each<[string, object, { readonly clientCertificate?: () => Uint8Array | undefined }]>([
    ['with another certificate', { 'x5t#S256': THUMBPRINT }, presenting(Buffer.from('another'))],
    ['without a certificate', { 'x5t#S256': THUMBPRINT }, presenting(undefined)],
    ['on a connection that has none', { 'x5t#S256': THUMBPRINT }, {}],
    ['with a thumbprint that is cut', { 'x5t#S256': THUMBPRINT.slice(0, -1) }, presenting(DER)],
    ['with a thumbprint that is longer', { 'x5t#S256': `${THUMBPRINT}=` }, presenting(DER)],
    ['with no thumbprint', { jkt: 'x' }, presenting(DER)],
    ['with an empty thumbprint', { 'x5t#S256': '' }, presenting(DER)],
    ['with a thumbprint that is no text', { 'x5t#S256': [THUMBPRINT] }, presenting(DER)],
    ['if it is bound to a key, too', { 'x5t#S256': THUMBPRINT, jwk: {} }, presenting(DER)],
  ])('is refused %s', (_what, cnf, request) => {
    expect(confirmClientCertificate({ jkt: 'x', ...cnf }, request)).toBe(false);
  });
});
