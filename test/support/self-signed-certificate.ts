import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A certificate with its key, for a server or a client of TLS. */
export interface SelfSignedCertificate {
  readonly cert: string;
  readonly key: string;
  readonly der: Uint8Array;
  /** `x5t#S256` of RFC 8705. */
  readonly thumbprint: string;
}

/** A certificate of P-256 that is its own authority, and valid until 2049. It needs no openssl. */
export function createCertificate(name: string): SelfSignedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = sequence(set(sequence(COMMON_NAME, element(0x0c, Buffer.from(name)))));
  const tbs = sequence(
    element(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    subject,
    sequence(time('200101000000Z'), time('491231235959Z')),
    subject,
    publicKey.export({ format: 'der', type: 'spki' }),
  );
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', tbs, privateKey)]);
  const der = sequence(tbs, ECDSA_WITH_SHA256, element(0x03, signature));
  const body = der.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    der,
    thumbprint: createHash('sha256').update(der).digest('base64url'),
  };
}

const COMMON_NAME = element(0x06, Buffer.of(0x55, 0x04, 0x03));
const ECDSA_WITH_SHA256 = sequence(element(0x06, Buffer.from('2a8648ce3d040302', 'hex')));

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

function set(...parts: readonly Uint8Array[]): Buffer {
  return element(0x31, Buffer.concat(parts));
}

function time(text: string): Buffer {
  return element(0x17, Buffer.from(text));
}

/** DER of one element, shorter than 64 KiB. */
function element(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const form = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...form), content]);
}
