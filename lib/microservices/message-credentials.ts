import {
  KafkaContext,
  MqttContext,
  NatsContext,
  RedisContext,
  RmqContext,
  TcpContext,
} from '@nestjs/microservices';
import { isObject } from '../http/is-object.js';

/** The member of a payload that has the credentials, for transports whose messages have no headers. */
export const CREDENTIALS_MEMBER = 'dpop';

const FIELDS = ['authorization', 'dpop'] as const;
type Field = (typeof FIELDS)[number];

/**
 * The credentials of a message as `rawHeaders`: names and values in turn, with each value of a field that has several. From
 * the headers of NATS, Kafka, MQTT and RabbitMQ, and from the member `dpop` of the payload for TCP and Redis, which is taken
 * out of the payload. `undefined` for another context.
 */
export function credentialsOf(context: unknown, payload: unknown): readonly string[] | undefined {
  if (context instanceof NatsContext) return fieldsOf(context.getHeaders());
  if (context instanceof KafkaContext) return fieldsOf(context.getMessage().headers);
  if (context instanceof MqttContext) {
    const { properties } = context.getPacket() as {
      readonly properties?: { readonly userProperties?: unknown };
    };
    return fieldsOf(properties?.userProperties);
  }
  if (context instanceof RmqContext) {
    const { properties } = context.getMessage() as { readonly properties?: { readonly headers?: unknown } };
    return fieldsOf(properties?.headers);
  }
  if (context instanceof TcpContext || context instanceof RedisContext) return takeFromPayload(payload);
  return undefined;
}

/** The token must not reach pipes, handlers and what they log. */
function takeFromPayload(payload: unknown): readonly string[] {
  if (!isObject(payload)) return [];
  const given = payload[CREDENTIALS_MEMBER];
  delete (payload as Record<string, unknown>)[CREDENTIALS_MEMBER];
  if (!isObject(given)) return [];
  // As in the headers of HTTP: the proof has a field of its own.
  return [...valuesOf('authorization', given['authorization']), ...valuesOf('dpop', given['proof'])];
}

/** Of a plain object, of a `Map`, or of the headers of NATS, which are a collection of names with their values. */
function fieldsOf(headers: unknown): readonly string[] {
  return entriesOf(headers).flatMap(([name, value]) => {
    const field = FIELDS.find((known) => known === String(name).toLowerCase());
    return field === undefined ? [] : valuesOf(field, value);
  });
}

function entriesOf(headers: unknown): readonly (readonly [unknown, unknown])[] {
  if (!isObject(headers)) return [];
  if (typeof headers[Symbol.iterator as never] === 'function')
    return [...(headers as unknown as Iterable<readonly [unknown, unknown]>)];
  return Object.entries(headers);
}

/** Brokers hand over text or bytes, one value or several. Anything else makes the field malformed. */
function valuesOf(field: Field, value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((item) => (item === undefined ? [] : [field, toText(item)]));
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : ' ';
}
