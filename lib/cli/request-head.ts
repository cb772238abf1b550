import { type CredentialFields, readCredentialFields } from '../http/credentials.js';
import { UsageError } from './outcome.js';

/** The head of a request as a developer copies it: from `curl -v`, a browser or a log. */
export interface RequestHead {
  readonly method: string | undefined;
  readonly fields: CredentialFields;
}

const REQUEST_LINE = /^([A-Za-z]+) +(\S+) +HTTP\/[\d.]+$/;
/** A name that begins with a colon is a pseudo-field of HTTP/2. */
const FIELD = /^(:?[\w!#$%&'*+.^`|~-]+): *(.*)$/;

/** @throws UsageError for a text without any field */
export function parseRequestHead(text: string): RequestHead {
  let method: string | undefined;
  const rawHeaders: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    // `curl -v` writes `> ` before what it sends.
    const content = line.replace(/^> ?/, '').trim();
    const [, name, value = ''] = FIELD.exec(content) ?? [];
    method ??= REQUEST_LINE.exec(content)?.[1];
    if (name?.toLowerCase() === ':method') method = value;
    if (name !== undefined) rawHeaders.push(name, value);
  }
  if (rawHeaders.length === 0)
    throw new UsageError('there is no header line; write the lines of the request as "Name: value"');
  return { method, fields: readCredentialFields(rawHeaders) };
}
