import type { Type } from '@nestjs/common';
import type { OpenApiOperation, SecurityRequirement } from './openapi-document.js';

/** Where `@ApiSecurity` of `@nestjs/swagger` keeps the security requirements of a class or a handler. */
const API_SECURITY = 'swagger/apiSecurity';

const PREFIX = 'nestjs-dpop/mark/';

interface Mark {
  readonly type?: Type;
  readonly handler?: object;
}

/**
 * Marks classes and handlers, so that their operations can be found in the document: by path and name they cannot, because of
 * prefixes, versions, aliases, and names of operations that the app makes. The marks are security requirements, of which
 * `@nestjs/swagger` puts those of the class and of the handler into each operation.
 */
export class RouteMarks {
  readonly #marks: Mark[] = [];
  readonly #targets = new Set<object>();
  readonly #restore: (() => void)[] = [];

  add(type: Type, handler: object): void {
    this.#set(type, { type });
    this.#set(handler, { handler });
  }

  /** Leaves the metadata as they were. */
  removeAll(): void {
    for (const restore of this.#restore.splice(0)) restore();
  }

  /** Removes the marks from an operation. `undefined` for an operation that has not both marks. */
  take(operation: OpenApiOperation): Required<Mark> | undefined {
    const found: Mark[] = [];
    const others: SecurityRequirement[] = [];
    for (const requirement of operation.security ?? []) {
      const name = Object.keys(requirement).find((key) => key.startsWith(PREFIX));
      if (name === undefined) others.push(requirement);
      else found.push(this.#marks[Number(name.slice(PREFIX.length))] ?? {});
    }
    if (found.length > 0 && others.length === 0) delete operation.security;
    else if (found.length > 0) operation.security = others;
    // A class inherits the mark of its base class, and has its own behind it.
    const type = found.findLast((mark) => mark.type !== undefined)?.type;
    const handler = found.findLast((mark) => mark.handler !== undefined)?.handler;
    return type === undefined || handler === undefined ? undefined : { type, handler };
  }

  #set(target: object, mark: Mark): void {
    if (this.#targets.has(target)) return;
    this.#targets.add(target);
    const own: unknown = Reflect.getOwnMetadata(API_SECURITY, target);
    const present: unknown = Reflect.getMetadata(API_SECURITY, target);
    const requirement = { [`${PREFIX}${this.#marks.push(mark) - 1}`]: [] };
    Reflect.defineMetadata(API_SECURITY, [...(Array.isArray(present) ? present : []), requirement], target);
    this.#restore.push(() => {
      if (own === undefined) Reflect.deleteMetadata(API_SECURITY, target);
      else Reflect.defineMetadata(API_SECURITY, own, target);
    });
  }
}
