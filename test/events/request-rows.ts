import { gzipSync } from 'node:zlib';
import type { RawRequest } from '../support/raw-request.js';
import { SECRET } from '../support/security-events.js';
import { changed, encode, type EventRow, MARK, post, rowsOf } from './event-row.js';

type Fields = Readonly<Record<string, string | undefined>>;

const withFields =
  (fields: Fields): EventRow['change'] =>
  ({ set }) =>
    post(set, fields);
const typed = (type: string | undefined): EventRow['change'] => withFields({ 'Content-Type': type });
const encoded = (encoding: string): EventRow['change'] => withFields({ 'Content-Encoding': encoding });
const authorized = (value: string | undefined): EventRow['change'] => withFields({ Authorization: value });
const method =
  (name: string): EventRow['change'] =>
  ({ set }): RawRequest => ({ ...post(set), method: name });
const payload = (text: string | Uint8Array): EventRow['change'] =>
  changed((set) => set.replace(/\.[^.]*\./, `.${Buffer.from(text).toString('base64url')}.`));
const head = (text: string): EventRow['change'] => changed((set) => set.replace(/^[^.]*/, encode(text)));
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

export const BODY_ROWS: readonly EventRow[] = rowsOf(400, 'invalid_request', 'form', {
  'an empty body': changed(() => ''),
  'a dot': changed(() => '.'),
  'two dots': changed(() => '..'),
  'two segments': changed((set) => set.split('.', 2).join('.')),
  'four segments': changed((set) => `${set}.${MARK}`),
  'five segments, as of an encrypted token': changed((set) => `${set}.a.b`),
  'no signature': changed((set) => set.replace(/[^.]*$/, '')),
  'a line break at the end': changed((set) => `${set}\n`),
  'a blank in front': changed((set) => ` ${set}`),
  'a byte order mark': changed((set) => `\xef\xbb\xbf${set}`),
  'NUL at the end': changed((set) => `${set}\0`),
  'two tokens': changed((set) => `${set}\n${set}`),
  'quotation marks': changed((set) => `"${set}"`),
  'a list': changed((set) => JSON.stringify([set])),
  'the JSON serialization': changed((set) => {
    const [protect, body, signature] = set.split('.');
    return JSON.stringify({ protected: protect, payload: body, signature });
  }),
  'a form': changed((set) => `token=${set}`),
  padding: changed((set) => `${set}==`),
  'the alphabet of plain base64': changed((set) => set.replace(/.$/, '+')),
  'octets of gzip': changed((set) => latin1(gzipSync(set))),
  '64 KiB': changed(() => MARK.padEnd(65_536, 'x')),
  'a header that is no JSON': head(`{"typ":"secevent+jwt",${MARK}`),
  'a header that is a list': head('["secevent+jwt"]'),
  'a header that is null': head('null'),
  'claims that are no JSON': payload(`{${MARK}`),
  'claims that are a text': payload(`"${MARK}"`),
  'claims that are not UTF-8': payload(Uint8Array.from([0x7b, 0xff, 0x7d])),
});

export const REQUEST_ROWS: readonly EventRow[] = [
  ...rowsOf(415, 'invalid_request', 'content_type', {
    'no content type': typed(undefined),
    'an empty content type': typed(''),
    'application/json': typed('application/json'),
    'application/json with JSON that is cut off': () =>
      post(`{"${MARK}`, { 'Content-Type': 'application/json' }),
    'application/json of 2 MB': () =>
      post(`"${MARK.padEnd(2_000_000, 'x')}"`, { 'Content-Type': 'application/json' }),
    'application/jwt': typed('application/jwt'),
    'text/plain': typed('text/plain'),
    'a form': typed('application/x-www-form-urlencoded'),
    'a form with parts': typed(`multipart/form-data; boundary=${MARK}`),
    'a longer name': typed('application/secevent+jwt2'),
    'two content types': typed('application/secevent+jwt, text/plain'),
    gzip: encoded('gzip'),
    'gzip of JSON that is cut off': () =>
      post(latin1(gzipSync(MARK)).slice(0, 12), {
        'Content-Type': 'application/json',
        'Content-Encoding': 'gzip',
      }),
    br: encoded('br'),
    'an encoding that nobody knows': encoded(MARK),
    'identity and gzip': encoded('identity, gzip'),
  }),
  ...rowsOf(413, 'invalid_request', 'size', {
    'an octet more than 64 KiB': changed(() => MARK.padEnd(65_537, 'x')),
    '1 MB': changed(() => MARK.padEnd(1_000_000, 'x')),
  }),
  ...rowsOf(400, 'authentication_failed', 'authorization', {
    'no Authorization': authorized(undefined),
    'an empty Authorization': authorized(''),
    'another secret': authorized(`Bearer ${MARK}`),
    'a secret that is close': authorized(`${SECRET.slice(0, -1)}e`),
    'a longer secret': authorized(`${SECRET}0`),
    'a shorter secret': authorized(SECRET.slice(0, -1)),
    'the scheme in lower case': authorized(SECRET.toLowerCase()),
    'the secret without its scheme': authorized(SECRET.slice(7)),
    'the secret behind another one': authorized(`Bearer ${MARK}, ${SECRET}`),
    'the secret in another field': withFields({ Authorization: undefined, 'X-Authorization': SECRET }),
    'another secret, and JSON that is cut off': () =>
      post(`{"${MARK}`, { Authorization: 'Bearer x', 'Content-Type': 'application/json' }),
    'another secret, and 1 MB': () => post(MARK.padEnd(1_000_000, 'x'), { Authorization: 'Bearer x' }),
  }),
  ...rowsOf(405, 'invalid_request', 'method', {
    PUT: method('PUT'),
    PATCH: method('PATCH'),
    DELETE: method('DELETE'),
    'GET with a body': method('GET'),
    'PUT of JSON that is cut off': () => ({
      ...post(`{"${MARK}`, { 'Content-Type': 'application/json' }),
      method: 'PUT',
    }),
  }),
];
