import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { TcpContext } from '@nestjs/microservices';
import {
  asMethod,
  contextOf,
  emptyMessage,
  errorOf,
  GrpcCall,
  MessageScene,
  tcpContext,
} from '../../test/support/message-scene.js';
import { ORIGIN } from '../../test/support/origin.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { DpopHttpException } from '../guard/dpop-http.exception.js';
import { getDpopVerdict } from '../guard/get-dpop-verdict.js';
import { loadRpcException } from '../transport/rpc-exception.js';

let scene: MessageScene;

beforeAll(async () => {
  scene = await MessageScene.create();
});

beforeEach(() => scene.begin());

afterEach(() => scene.end());

describe('a message with a token and a proof for its pattern (J3)', () => {
  test('is let in, and its handler finds the verdict and no credentials', async () => {
    const { guard } = await scene.createApp();
    const context = await scene.messageWith();
    expect(await guard.canActivate(context)).toBe(true);
    expect(getDpopVerdict(context)).toMatchObject({ jkt: scene.client.jkt, subject: 'user' });
    expect(context.getArgByIndex(0)).toEqual({ a: 1 });
  });

  test('by gRPC is let in, and its handler finds the verdict', async () => {
    const { guard } = await scene.createApp();
    const context = asMethod(await scene.callWith());
    expect(await guard.canActivate(context)).toBe(true);
    expect(getDpopVerdict(context)).toMatchObject({ jkt: scene.client.jkt });
  });

  test('on an open handler needs nothing', async () => {
    const { guard } = await scene.createApp();
    expect(await guard.canActivate(emptyMessage('open'))).toBe(true);
  });
});

describe('a message that is refused (J3)', () => {
  test('is answered with the code, and with the nonce that lets it in', async () => {
    const { guard } = await scene.createApp();
    expect(await errorOf(guard.canActivate(emptyMessage()))).toStrictEqual({
      status: 'error',
      code: 'credentials_missing',
      message: 'A DPoP-bound access token is required',
    });
    const demand = await errorOf(guard.canActivate(await scene.messageWith('nonce')));
    expect(demand).toMatchObject({ code: 'use_dpop_nonce', nonce: expect.any(String) });
    const { nonce } = demand as { readonly nonce: string };
    expect(await guard.canActivate(await scene.messageWith('nonce', nonce))).toBe(true);
  });

  test('by gRPC is answered with a status, and the challenge in its metadata', async () => {
    const { guard } = await scene.createApp();
    const status = await errorOf(guard.canActivate(asMethod(new GrpcCall())));
    expect(status).toMatchObject({
      code: 16,
      details: 'credentials_missing: A DPoP-bound access token is required',
    });
    const { metadata } = status as { readonly metadata: Metadata };
    expect(metadata.get('www-authenticate')).toEqual([expect.stringMatching(/^DPoP algs=/)]);
  });

  test('has no transport that is known: the log names those that are (D9)', async () => {
    const { guard } = await scene.createApp();
    const withoutPattern = new TcpContext([undefined as never, undefined as never, undefined as never]);
    const contexts = [undefined, null, 'context', {}, { getPattern: () => 'read' }, withoutPattern];
    for (const context of contexts) {
      const error = await errorOf(guard.canActivate(contextOf('rpc', [{}, context])));
      expect(error).toMatchObject({ code: 'temporarily_unavailable' });
    }
    const lines = scene.log.lines.filter((line) =>
      line.includes(
        'transport_unknown; DpopMessageGuard takes the messages of the transports of Nest: gRPC, TCP, Redis, NATS, Kafka, MQTT and RabbitMQ; for a transport of your own, override getRequest and getDpopRequest',
      ),
    );
    expect(lines).toHaveLength(contexts.length);
  });
});

describe('what is no message is left to DpopGuard (J3)', () => {
  function requestWith(headers: readonly string[] = []): IncomingMessage {
    const request = new IncomingMessage(new Socket());
    return Object.assign(request, { method: 'GET', url: '/orders', rawHeaders: [...headers] });
  }

  const verified = async () => {
    const proof = await scene.client.createProof({
      method: 'GET',
      url: `${ORIGIN}/orders`,
      token: scene.token,
    });
    return requestWith(['Authorization', `DPoP ${scene.token}`, 'DPoP', proof]);
  };

  test('a request of HTTP', async () => {
    const { guard } = await scene.createApp({ isHttp: true });
    const request = await verified();
    expect(await guard.canActivate(contextOf('http', [request, new ServerResponse(request)]))).toBe(true);
    const refused = requestWith();
    const context = contextOf('http', [refused, new ServerResponse(refused)]);
    await expect(guard.canActivate(context)).rejects.toBeInstanceOf(DpopHttpException);
  });

  test('a request of HTTP to which the app has given the members of a call', async () => {
    const { app, guard } = await scene.createApp({ isHttp: true });
    const members = { metadata: new Metadata(), getPath: () => '/ledger.Ledger/Read' };
    const request = Object.assign(await verified(), members);
    const context = contextOf('http', [request, new ServerResponse(request)]);
    expect(await guard.canActivate(context)).toBe(true);
    expect(request.listenerCount('cancelled')).toBe(0);
    const refused = Object.assign(requestWith(), members);
    const other = contextOf('http', [refused, new ServerResponse(refused)]);
    await expect(guard.canActivate(other)).rejects.toBeInstanceOf(DpopHttpException);
    scene.endToken(app);
  });

  test('a message on a socket that no adapter has opened, whatever its client sends', async () => {
    const { guard } = await scene.createApp();
    const context = contextOf('ws', [{}, tcpContext('read')]);
    expect(() => guard.getRequest(context)).toThrow(DpopUnavailableError);
    await expect(guard.canActivate(context)).rejects.toBeInstanceOf(DpopHttpException);
    expect(scene.log.text).toContain('transport_unknown; DpopGuard takes only HTTP requests');
  });

  test('a call of an MCP server', async () => {
    const { guard } = await scene.createApp({ isHttp: true });
    const mcpOf = (request: object) => contextOf('rpc', [{}, { getRawRequest: () => request }]);
    expect(await guard.canActivate(mcpOf(await verified()))).toBe(true);
    // As for an app with handlers of messages.
    await loadRpcException();
    const error = await errorOf(guard.canActivate(mcpOf(requestWith())));
    expect(error).toMatchObject({
      message: 'credentials_missing: A DPoP-bound access token is required',
    });
  });
});
