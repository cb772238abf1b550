import { describe, expect, test } from '@jest/globals';
import {
  KafkaContext,
  MqttContext,
  NatsContext,
  RedisContext,
  RmqContext,
  TcpContext,
} from '@nestjs/microservices';
import { credentialsOf } from './message-credentials.js';
import { patternOf, targetOf } from './message-target.js';

/** As the package `nats` hands headers over: a collection of names with their values. */
const natsHeaders = (entries: readonly (readonly [string, readonly string[]])[]): object => ({
  [Symbol.iterator]: () => entries[Symbol.iterator](),
  get: (name: string) => entries.find(([known]) => known === name)?.[1][0] ?? '',
});

const kafka = (headers: unknown) =>
  new KafkaContext([{ headers, value: null }, 0, 'orders'] as unknown as ConstructorParameters<
    typeof KafkaContext
  >[0]);
const mqtt = (properties: unknown) => new MqttContext(['orders/created', { properties }]);
const rmq = (headers: unknown) => new RmqContext([{ properties: { headers } }, {}, 'orders.created']);
const nats = (headers: unknown) => new NatsContext(['orders.created', headers]);

/** The contexts of Nest, filled as their servers fill them. There is no broker behind them. */
const CONTEXTS: readonly (readonly [string, (fields: Readonly<Record<string, string>>) => object, string])[] =
  [
    [
      'NATS',
      (fields) => nats(natsHeaders(Object.entries(fields).map(([name, value]) => [name, [value]]))),
      'orders.created',
    ],
    ['Kafka, with text', (fields) => kafka(fields), 'orders'],
    [
      'Kafka, with bytes',
      (fields) =>
        kafka(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Buffer.from(value)]))),
      'orders',
    ],
    ['MQTT', (fields) => mqtt({ userProperties: { ...fields } }), 'orders/created'],
    ['RabbitMQ', (fields) => rmq({ ...fields }), 'orders.created'],
  ];

describe.each(CONTEXTS)('a message of %s (J3)', (_name, contextOf, pattern) => {
  test('has its credentials in the headers, in any case, and its pattern in the context', () => {
    const fields = { authorization: 'DPoP a.b.c', dpop: 'd.e.f', other: 'x' };
    const expected = ['authorization', 'DPoP a.b.c', 'dpop', 'd.e.f'];
    expect(credentialsOf(contextOf(fields), {})).toEqual(expected);
    expect(credentialsOf(contextOf({ Authorization: 'DPoP a.b.c', DPoP: 'd.e.f' }), {})).toEqual(expected);
    expect(patternOf(contextOf(fields))).toBe(pattern);
  });

  test('has none in the payload, which it keeps', () => {
    const payload = { dpop: { authorization: 'DPoP a.b.c', proof: 'd.e.f' } };
    expect(credentialsOf(contextOf({}), payload)).toStrictEqual([]);
    expect(payload).toHaveProperty('dpop');
  });

  test('that has a field in two cases has it twice', () => {
    const fields = { dpop: 'd.e.f', DPoP: 'g.h.i' };
    expect(credentialsOf(contextOf(fields), {})).toEqual(['dpop', 'd.e.f', 'dpop', 'g.h.i']);
  });
});

test('several values of one field are several fields, and none of them is lost (J3)', () => {
  const both = ['dpop', 'd.e.f', 'dpop', 'g.h.i'];
  const values = ['d.e.f', 'g.h.i'];
  expect(credentialsOf(nats(natsHeaders([['dpop', values]])), {})).toEqual(both);
  expect(credentialsOf(kafka({ dpop: values.map((value) => Buffer.from(value)) }), {})).toEqual(both);
  expect(credentialsOf(mqtt({ userProperties: { dpop: values } }), {})).toEqual(both);
  expect(credentialsOf(rmq({ dpop: values }), {})).toEqual(both);
});

test.each([undefined, null, 'text', 7, []])('headers that are %j are none', (headers) => {
  for (const context of [
    nats(headers),
    kafka(headers),
    mqtt(headers),
    mqtt({ userProperties: headers }),
    rmq(headers),
  ])
    expect(credentialsOf(context, {})).toStrictEqual([]);
  expect(credentialsOf(new MqttContext(['a', {}]), {})).toStrictEqual([]);
  expect(credentialsOf(new RmqContext([{}, {}, 'a']), {})).toStrictEqual([]);
});

test('a value that is no text and no bytes is a field that cannot be read, not one that is missing', () => {
  expect(credentialsOf(rmq({ authorization: { a: 1 }, dpop: null }), {})).toEqual([
    'authorization',
    ' ',
    'dpop',
    ' ',
  ]);
});

describe.each([
  ['TCP', () => new TcpContext([undefined as never, 'sum', undefined as never])],
  ['Redis', () => new RedisContext(['sum', undefined as never])],
])('a message by %s (J3)', (_name, contextOf) => {
  test('has its credentials in the member dpop of the payload, which is taken out', () => {
    const payload = { a: 1, dpop: { authorization: 'DPoP a.b.c', proof: 'd.e.f' } };
    expect(credentialsOf(contextOf(), payload)).toEqual(['authorization', 'DPoP a.b.c', 'dpop', 'd.e.f']);
    expect(payload).toEqual({ a: 1 });
    expect(patternOf(contextOf())).toBe('sum');
  });

  test.each([undefined, null, 'text', 7, {}, { dpop: 'DPoP' }, { dpop: null }, { dpop: {} }])(
    'has none in the payload %j',
    (payload) => {
      expect(credentialsOf(contextOf(), payload)).toStrictEqual([]);
    },
  );
});

test('another context has neither credentials nor a pattern', () => {
  for (const context of [undefined, {}, { getPattern: () => 'sum', getHeaders: () => ({}) }]) {
    expect(credentialsOf(context, { dpop: {} })).toBeUndefined();
    expect(patternOf(context)).toBeUndefined();
  }
});

test.each([
  ['sum', '/sum'],
  ['orders.created', '/orders.created'],
  ['orders/created', '/orders%2Fcreated'],
  ['ä b?#', '/%C3%A4%20b%3F%23'],
  ['7', '/7'],
  ['"quoted"', '/%22quoted%22'],
  ['{"cmd":"sum"}', '/%7B%22cmd%22%3A%22sum%22%7D'],
  ['{"b":{"d":1,"c":"x"},"a":true}', `/${encodeURIComponent('{"a":true,"b":{"c":"x","d":1}}')}`],
  ['{not json', '/%7Bnot%20json'],
])('the pattern %s is the path %s (J3)', (pattern, path) => {
  expect(targetOf(pattern)).toBe(path);
});
