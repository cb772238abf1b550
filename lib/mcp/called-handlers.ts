import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { isObject } from '../http/is-object.js';

/** The key under which Nest keeps what @rekog/mcp-nest says of a handler. */
const PATTERN_EXTRAS = 'microservices:pattern_extras';

/** The methods of MCP that name one handler, by the kind of the handler. */
const KIND_OF_METHOD: ReadonlyMap<unknown, string> = new Map([
  ['tools/call', 'tool'],
  ['prompts/get', 'prompt'],
]);

/** A tool or a prompt. */
export interface McpHandler {
  readonly type: Type;
  readonly handler: (...args: never[]) => unknown;
}

/** Finds the tools and prompts that the body of a request calls. */
export class CalledHandlers {
  readonly #byName = new Map<string, McpHandler | undefined>();

  constructor(modules: ModulesContainer) {
    const controllers = [...modules.values()].flatMap((module) => [...module.controllers.values()]);
    const types = new Set(controllers.map(({ metatype }) => metatype).filter(isClass));
    for (const type of types) for (const handler of methodsOf(type)) this.#add(type, handler);
  }

  /**
   * Those that a message, or each message of a batch, calls. A name that several servers of one app use is left to the
   * guards of the tools, as is every other message.
   */
  in(body: unknown): readonly McpHandler[] {
    const messages: readonly unknown[] = Array.isArray(body) ? body : [body];
    return messages.map((message) => this.#find(message)).filter((found) => found !== undefined);
  }

  #find(message: unknown): McpHandler | undefined {
    if (!isObject(message) || !isObject(message['params'])) return undefined;
    return this.#byName.get(keyOf(KIND_OF_METHOD.get(message['method']), message['params']['name']));
  }

  #add(type: Type, handler: McpHandler['handler']): void {
    const extras: unknown = Reflect.getMetadata(PATTERN_EXTRAS, handler);
    if (!isObject(extras) || extras['mcpType'] === undefined) return;
    const key = keyOf(extras['mcpType'], extras['mcpName']);
    this.#byName.set(key, this.#byName.has(key) ? undefined : { type, handler });
  }
}

function keyOf(kind: unknown, name: unknown): string {
  return JSON.stringify([kind, name]);
}

function isClass(value: unknown): value is Type {
  return typeof value === 'function';
}

/** The methods that Nest finds: own and inherited ones, an override in place of what it overrides. */
function methodsOf(type: Type): readonly McpHandler['handler'][] {
  const methods = new Map<string, unknown>();
  let prototype: unknown = type.prototype;
  while (isObject(prototype)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
      if (!methods.has(name)) methods.set(name, value);
    prototype = Object.getPrototypeOf(prototype);
  }
  return [...methods.values()].filter((value) => typeof value === 'function') as McpHandler['handler'][];
}
