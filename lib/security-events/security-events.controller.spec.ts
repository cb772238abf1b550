import type { Readable } from 'node:stream';
import { Readable as Stream } from 'node:stream';
import { RequestMethod, VERSION_NEUTRAL } from '@nestjs/common';
import {
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  METHOD_METADATA,
  PATH_METADATA,
  VERSION_METADATA,
} from '@nestjs/common/constants.js';
import { describe, expect, test } from '@jest/globals';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { SecurityEventFilter } from './security-event-answers.js';
import { SecurityEventError } from './security-event.error.js';
import type { SecurityEventReceiver } from './security-event.receiver.js';
import { createSecurityEventsController } from './security-events.controller.js';
import { TransmitterGuard } from './transmitter.guard.js';

interface Controller {
  receive(request: object, response: unknown): Promise<void>;
}

const Created = createSecurityEventsController('a/b');

/** How the controller answers, given what the receiver does. */
async function receive(act: (readText: () => Promise<string>) => Promise<void>): Promise<unknown[]> {
  const written: unknown[] = [];
  const answers = {
    accepted: (response: unknown) => written.push(['accepted', response]),
    failed: (response: unknown, error: unknown) => written.push(['failed', response, error]),
  };
  const receiver = { receive: act } as unknown as SecurityEventReceiver;
  const controller = new Created(receiver, answers) as Controller;
  const request: Readable = Object.assign(Stream.from(['a.b']), {
    headers: { 'content-type': 'application/secevent+jwt' },
  });
  await controller.receive(request, 'response');
  return written;
}

describe('the controller for Security Event Tokens (B9)', () => {
  test('is accepted with the text of the body', async () => {
    let text: string | undefined;
    expect(await receive(async (readText) => void (text = await readText()))).toEqual([
      ['accepted', 'response'],
    ]);
    expect(text).toBe('a.b');
  });

  test.each([new SecurityEventError('form'), new DpopUnavailableError('internal_failure')])(
    'is answered with what the receiver throws: %s',
    async (thrown) => {
      const act = (): never => {
        throw thrown;
      };
      expect(await receive(act)).toEqual([['failed', 'response', thrown]]);
    },
  );

  test('is a route of its own, of no version, with guard and filter, and no part of the API for clients', () => {
    const read = (key: string, of: object = Created): unknown => Reflect.getMetadata(key, of);
    expect(read(PATH_METADATA)).toBe('a/b');
    expect(read(VERSION_METADATA)).toBe(VERSION_NEUTRAL);
    expect(read(GUARDS_METADATA)).toEqual([TransmitterGuard]);
    expect(read(EXCEPTION_FILTERS_METADATA)).toEqual([SecurityEventFilter]);
    expect(read('swagger/apiExcludeController')).toEqual([true]);
    const { receive: handler } = Created.prototype as Controller;
    expect(read(METHOD_METADATA, handler)).toBe(RequestMethod.POST);
    expect(createSecurityEventsController('a/b')).not.toBe(Created);
  });
});
