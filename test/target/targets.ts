import type { Random } from '../differential/random.js';
import { ROUTED_PATHS } from './routed-app.js';

/** A request target, and the path (with whatever follows it) that its proof is signed for. */
export interface SignedTarget {
  readonly target: string;
  readonly signedPath: string;
}

/** What is put into a path: all that a router, `url.parse` or a comparison may read in a way of its own. */
const PIECES: readonly (readonly string[])[] = [
  // Dot segments
  ['.', '..', '/.', '/..', '/./', '/../', '/../../', '/../../../'],
  ['%2e', '%2E', '%2e%2e', '.%2e', '%2E.', '/%2e/', '/%2e%2E/', '/.%2E/', '/%2e./', '%252e%252e', '/%252e/'],
  // Delimiters
  [';', ';/', ';/..', ';/../', '/..;/', '/..;x/', ';a=b', '%3b', '%3B/..', '/.;/'],
  ['#', '#/', '/#', '#/../', '%23', '?', '?/', '?/../', '?#', '%3f', '%3F', '?x=/../#'],
  // Slashes
  ['/', '//', '///', '%2f', '%2F', '\\', '/\\', '%5c', '\\..\\'],
  // Authorities
  ['@', 'x@y', '//x@y', '//x:z@y/', ':', ':80', ':admin', 'http://h', '//h', '[::1]', '//h:1/'],
  // Octets
  ['\t', '\f', '\x0b', ' ', '\x01', '\x7f', '\x80', '\xa0', '\xff', '%00', '%0a', '%20', '%a0', '%c3%a9'],
  // What `url.parse` escapes
  ["'", '"', '<', '>', '^', '`', '{', '|', '}', '%27', '%7c'],
  ['%', '%zz', '%4', '%%34%31', '%25', '%2525', '*', '+', '~', '!', ',', '&', '$'],
];

const AUTHORITIES = [
  'h',
  'h:80',
  'h:',
  'h:admin',
  'h:1:2',
  'x@h',
  'x:y@h',
  '[::1]',
  '[::1]:1',
  'h;x',
  'h%2f',
];
const ODD_AUTHORITIES = [
  '',
  '[::1',
  'h~x',
  'h_x',
  'h,x',
  'h\\',
  '.',
  '..',
  'h|x',
  "h'x",
  'xn--',
  'h:99999',
  'H.EXAMPLE',
];

export function createSignedTarget(random: Random): SignedTarget {
  const path = mutate(random, random.pick(ROUTED_PATHS));
  const target = random.happens(0.25) ? absoluteForm(random, path) : path;
  return { target, signedPath: signedFor(random, target, path) };
}

function mutate(random: Random, path: string): string {
  let mutated = random.happens(0.3) ? path + random.pick(ROUTED_PATHS) : path;
  const steps = 1 + random.index(3);
  for (let i = 0; i < steps; i += 1) mutated = mutateOnce(random, mutated);
  return mutated;
}

function mutateOnce(random: Random, path: string): string {
  const at = placeIn(random, path);
  if (random.happens(0.1)) return path.slice(0, at) + swapCase(path.slice(at));
  if (random.happens(0.1)) return escapeAt(path, at);
  return path.slice(0, at) + random.pick(random.pick(PIECES)) + path.slice(at);
}

/** Mostly at the beginning, at the end, or beside a slash. */
function placeIn(random: Random, path: string): number {
  const slashes = [...path.matchAll(/\//g)].map(({ index }) => index + random.index(2));
  return random.pick([0, path.length, ...slashes, random.index(path.length + 1)]);
}

function swapCase(text: string): string {
  return text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase();
}

function escapeAt(path: string, at: number): string {
  if (at >= path.length) return path;
  return `${path.slice(0, at)}%${path.charCodeAt(at).toString(16).padStart(2, '0')}${path.slice(at + 1)}`;
}

function absoluteForm(random: Random, path: string): string {
  const authority = random.happens(0.5) ? 'h' : random.pick([...AUTHORITIES, ...ODD_AUTHORITIES]);
  return `${random.pick(['http', 'http', 'https', 'HTTP', 'ftp'])}://${authority}${path}`;
}

/** What an attacker may hold a proof for: the target itself, some reading of it, or another route. */
function signedFor(random: Random, target: string, path: string): string {
  const readings = [
    () => path,
    () => target,
    () => pathOfUrl(target),
    () => pathOfUrl(path),
    () => path.split(/[?#]/)[0] ?? '',
    () => path.split(/[;?#]/)[0] ?? '',
    () => path.replace(/%2e/gi, '.').replace(/\/\.(?=\/|$)/g, ''),
    () => `/${path.split('/').at(-1) ?? ''}`,
    () => random.pick(ROUTED_PATHS),
  ];
  const signed = random.pick(readings)();
  return signed.startsWith('/') ? signed : `/${signed}`;
}

function pathOfUrl(reference: string): string {
  const base = 'https://api.example.com';
  return URL.canParse(reference, base) ? new URL(reference, base).pathname : reference;
}
