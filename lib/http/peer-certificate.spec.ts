import { describe, expect, test } from '@jest/globals';
import { peerCertificateOf } from './peer-certificate.js';
import { PrivateField } from './private-field.js';

const DER = Uint8Array.of(1, 2, 3);
const socketWith = (certificate: unknown) => ({ getPeerCertificate: () => certificate });

describe('the certificate of the client (B11)', () => {
  test('is that of the TLS connection, in DER', () => {
    expect(peerCertificateOf(socketWith({ raw: DER }))).toBe(DER);
  });

  test.each<[string, unknown]>([
    ['no socket', undefined],
    ['null', null],
    ['a socket without TLS', {}],
    ['a member that is no method', { getPeerCertificate: DER }],
    ['a connection that is closed', socketWith(null)],
    ['a client without a certificate', socketWith({})],
    ['an empty certificate', socketWith({ raw: new Uint8Array(0) })],
    ['a certificate that is no octets', socketWith({ raw: [1, 2, 3] })],
    ['a certificate that is a text', socketWith('raw')],
  ])('is none for %s', (_what, socket) => {
    expect(peerCertificateOf(socket)).toBeUndefined();
  });
});

test('a private field stands on the object itself, and on no copy of it', () => {
  class Marked extends PrivateField {
    readonly #mark = true;

    static has(object: object): boolean {
      return #mark in object && object.#mark;
    }
  }
  const object = { a: 1 };
  expect(new Marked(object)).toBe(object);
  expect(Marked.has(object)).toBe(true);
  expect(Marked.has({ ...object })).toBe(false);
});
