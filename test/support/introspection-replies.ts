import { expect } from '@jest/globals';
import type { IntrospectionReply } from '../../lib/introspection/introspection-endpoint.js';

/** A reply of an introspection endpoint, as received. */
export function toReply(body: string, mediaType: string, status: 200 | 400 = 200): IntrospectionReply {
  return {
    status,
    mediaType,
    body: new TextEncoder().encode(body),
    endpoint: 'https://auth.test/introspect',
  };
}

/** The error that ends the reading of a reply. */
export async function errorOf(reading: Promise<unknown>): Promise<Error> {
  const error = await reading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}
