import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { leaveVerdict } from '../verification/request-record.js';
import { createVerdict } from '../verification/verdict.js';
import { getDpopVerdict } from './get-dpop-verdict.js';

const verdict = createVerdict('DPoP', 'token', { sub: 'user' }, 'thumbprint');

const bare = (): IncomingMessage => new IncomingMessage(new Socket());
function verified(): IncomingMessage {
  const request = bare();
  leaveVerdict(request, verdict);
  return request;
}

function contextOf(type: string, ...args: readonly unknown[]): ExecutionContextHost {
  const context = new ExecutionContextHost([...args]);
  context.setType(type);
  return context;
}

describe('the verdict on a request, for code beside the handler', () => {
  test('is read from the request', () => {
    expect(getDpopVerdict(verified())).toBe(verdict);
    expect(getDpopVerdict(bare())).toBeUndefined();
    expect(getDpopVerdict(undefined)).toBeUndefined();
  });

  test('is read from the context of HTTP and of GraphQL', () => {
    expect(getDpopVerdict(contextOf('http', verified(), {}))).toBe(verdict);
    expect(getDpopVerdict(contextOf('graphql', {}, {}, { req: verified() }, {}))).toBe(verdict);
    expect(getDpopVerdict(contextOf('http', bare(), {}))).toBeUndefined();
  });

  test('is found on any argument of a transport of the app', () => {
    expect(getDpopVerdict(contextOf('mine', 'text', undefined, verified()))).toBe(verdict);
    expect(getDpopVerdict(contextOf('mine', bare(), verified()))).toBe(verdict);
    expect(getDpopVerdict(contextOf('mine', bare()))).toBeUndefined();
    expect(getDpopVerdict(contextOf('mine'))).toBeUndefined();
  });

  test.each(['getType', 'getArgs', 'getArgByIndex'])(
    'is read from an object without the method %s as from a request',
    (name) => {
      const methods = { getType: () => 'mine', getArgs: () => [verified()], getArgByIndex: () => undefined };
      expect(getDpopVerdict(methods)).toBe(verdict);
      expect(getDpopVerdict({ ...methods, [name]: 'text' })).toBeUndefined();
      const request = Object.assign(verified(), { ...methods, [name]: undefined });
      expect(getDpopVerdict(request)).toBe(verdict);
    },
  );
});
