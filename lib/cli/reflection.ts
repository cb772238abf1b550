import type { Answer } from './outgoing.js';

const REPLACEMENT = '[removed: sent by the client]';
/** A shorter segment of a JWT is no secret, and may be part of another word. */
const MIN_SEGMENT_LENGTH = 24;

/** The response without what it reflects of the credentials: a server may echo the request, and the output may be shared. */
export function removeReflected(answer: Answer, credentials: readonly string[]): Answer {
  const remove = remover(credentials);
  const headers = new Headers();
  for (const [name, value] of answer.headers) headers.append(name, remove(value));
  const text = Buffer.from(answer.body).toString('latin1');
  const cleaned = remove(text);
  return {
    ...answer,
    statusText: remove(answer.statusText),
    headers,
    body: cleaned === text ? answer.body : Buffer.from(cleaned, 'latin1'),
  };
}

function remover(credentials: readonly string[]): (text: string) => string {
  const whole = credentials.flatMap((value) => (value === '' ? [] : [value, encodeURIComponent(value)]));
  const segments = credentials.flatMap((value) =>
    value.split('.').filter(({ length }) => length >= MIN_SEGMENT_LENGTH),
  );
  const words = [...new Set([...whole, ...segments])];
  return (text) => words.reduce((rest, word) => rest.replaceAll(word, REPLACEMENT), text);
}
