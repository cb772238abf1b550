import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type ExecutionContext, Logger, type PipeTransform } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { createProofVerdict, type DpopProofVerdict } from '../verification/proof-verdict.js';
import { leaveProof, recordOf } from '../verification/request-record.js';
import { createVerdict, type DpopVerdict } from '../verification/verdict.js';
import { DpopBound, boundKeyOf } from './dpop-bound.decorator.js';

const VERDICT = createVerdict('DPoP', 'token', { iss: 'issuer', sub: 'user' }, 'thumbprint');

const lines: string[] = [];
const write = (text: unknown, ...rest: unknown[]): void =>
  void lines.push(`[${String(rest.at(-1))}] ${String(text)}`);
Logger.overrideLogger({ log: write, warn: write, error: write });

beforeEach(() => {
  lines.length = 0;
});

interface Parameter {
  readonly data: unknown;
  readonly pipes: readonly unknown[];
  readonly factory: (data: unknown, context: ExecutionContext) => unknown;
}

/** What Nest reads of the decorated parameter. */
function parameterOf(...given: Parameters<typeof DpopBound>): Parameter {
  class Handlers {
    list(_part: unknown): void {}
  }
  DpopBound(...given)(Handlers.prototype, 'list', 0);
  const parameters = Reflect.getMetadata(ROUTE_ARGS_METADATA, Handlers, 'list') as Record<string, Parameter>;
  const [parameter] = Object.values(parameters);
  if (parameter === undefined) throw new Error('there is no parameter');
  return parameter;
}

class AccountsController {
  list(): void {}
}

function contextOf(args: readonly unknown[], type = 'http'): ExecutionContext {
  const host = new ExecutionContextHost([...args], AccountsController, AccountsController.prototype.list);
  host.setType(type);
  return host;
}

function accepted(): object {
  const request = {};
  recordOf(request).verdict = VERDICT;
  return request;
}

function read(context: ExecutionContext, ...given: Parameters<typeof DpopBound>): unknown {
  const { factory, data } = parameterOf(...given);
  return factory(data, context);
}

describe('@DpopBound (B3)', () => {
  test('gives the thumbprint or, with a key, that part of the verdict', () => {
    const context = contextOf([accepted(), {}]);
    expect(read(context)).toBe('thumbprint');
    const keys: readonly (keyof DpopVerdict)[] = [
      'scheme',
      'jkt',
      'claims',
      'issuer',
      'subject',
      'clientId',
      'scopes',
      'roles',
      'clientRoles',
      'permissions',
      'token',
      'hasNonce',
      'hasTicket',
      'nextNonce',
      'enforced',
      'unmet',
    ];
    for (const key of keys) expect(read(context, key)).toBe(VERDICT[key]);
  });

  test('finds the verdict over GraphQL, and among the arguments of any other transport', () => {
    expect(read(contextOf([{}, {}, { req: accepted() }, {}], 'graphql'))).toBe('thumbprint');
    expect(read(contextOf(['data', accepted()], 'queue'))).toBe('thumbprint');
  });

  test('takes pipes', () => {
    class Pipe implements PipeTransform {
      transform(value: unknown): unknown {
        return value;
      }
    }
    const pipe = new Pipe();
    expect(parameterOf('jkt', pipe, Pipe).pipes).toEqual([pipe, Pipe]);
  });

  test('refuses a key that no verdict has, and names those that there are (I4)', () => {
    expect(() => DpopBound('jtk' as never)).toThrow(
      new TypeError(
        '@DpopBound() must be "scheme" or "jkt" or "claims" or "issuer" or "subject" or "clientId" or "scopes" or ' +
          '"roles" or "clientRoles" or "permissions" or "token" or "hasNonce" or "hasTicket" or "nextNonce" or "enforced" or "unmet"; it is "jtk"',
      ),
    );
  });

  test('is recognised among parameters, and nothing else is (I2)', () => {
    const others = [{ factory: () => undefined }, {}, 'text', null, undefined];
    expect([parameterOf(), ...others].map(boundKeyOf)).toEqual(['jkt', ...others.map(() => undefined)]);
  });
});

describe('@DpopBound behind DpopProofGuard (G1)', () => {
  const proved = (verdict: DpopProofVerdict | undefined) => {
    const request = {};
    leaveProof(request, verdict);
    return contextOf([request, {}]);
  };

  test('gives the thumbprint of the key of the proof, with the key jkt and without', () => {
    const context = proved(createProofVerdict('of the proof', false, undefined));
    expect([read(context), read(context, 'jkt')]).toEqual(['of the proof', 'of the proof']);
    expect([read(proved(undefined)), read(proved(undefined), 'jkt')]).toEqual([undefined, undefined]);
  });

  test('is 503 for any other part: there is no access token', () => {
    const context = proved(createProofVerdict('of the proof', false, undefined));
    expect(() => read(context, 'claims')).toThrow(
      expect.objectContaining({
        statusCode: 503,
        cause: expect.objectContaining({
          advice:
            '@DpopBound() with a key other than jkt found no access token: DpopProofGuard verifies a proof alone; use @DpopBound() there',
        }) as unknown,
      }),
    );
  });
});

describe('@DpopBound without a verdict (D8)', () => {
  const advice =
    '@DpopBound() found no verdict, since no DpopGuard let this request through: put @UseGuards(DpopGuard) on the route; ' +
    'where another guard may let a request in, read the verdict only if DpopGuard did; ' +
    'in tests keep the guard and send requests with the TestClient of nestjs-dpop/testing, or replace it by its TestGuard';
  const refusal = expect.objectContaining({
    statusCode: 503,
    cause: expect.objectContaining({ reason: 'verdict_missing', advice }) as unknown,
  });

  test('is 503, with when to come back and a line in the log', () => {
    const request = Object.assign(new IncomingMessage(new Socket()), { method: 'GET' });
    const response = new ServerResponse(request);
    expect(() => read(contextOf([request, response]))).toThrow(refusal);
    expect({ ...response.writeHead(503).getHeaders() }).toMatchObject({ 'retry-after': '1' });
    expect(lines).toEqual([
      `[DpopBound] answered 503: verdict_missing; ${advice}; on GET (AccountsController.list)`,
    ]);
  });

  test('writes no headers where another status is answered, or where there is no response', () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    expect(() => read(contextOf([request, response]))).toThrow(refusal);
    expect({ ...response.writeHead(200).getHeaders() }).toEqual({});
    expect(() => read(contextOf([request, undefined]))).toThrow(refusal);
    expect(() => read(contextOf([{}, 'data'], 'queue'))).toThrow(refusal);
  });
});
