import type { Type } from '@nestjs/common';
import { GUARDS_METADATA } from '@nestjs/common/constants.js';
import { type RoutePolicy, routeMetadata } from './policy.decorators.js';
import { decoratorsOf, readRequirements, type RouteRequirements } from './route-requirements.js';

/** What the decorators on one handler or one class set, without those of base classes. */
export interface RouteLevel {
  /** The handler's function, or the class. */
  readonly target: object;
  readonly policy: RoutePolicy | undefined;
  readonly requirements: RouteRequirements;
  /** Whether `@UseGuards` binds the guard here. */
  readonly guarded: boolean;
  /** Whether `@SkipDpop` stands here. */
  readonly skipped: boolean;
}

/** Whether a level requires a proof: by the guard, or by any decorator of this library but `@SkipDpop`. */
export function isDemand(level: RouteLevel): boolean {
  return level.guarded || isStatement(level);
}

/** Whether a decorator requires something that only a guard can enforce. */
export function isStatement(level: RouteLevel): boolean {
  return statementsOf(level).length > 0;
}

/** The names of the decorators that require something that only a guard can enforce. */
export function statementsOf({ policy, requirements }: RouteLevel): readonly string[] {
  return [...(policy === undefined ? [] : [routeMetadata.policy.decorator]), ...decoratorsOf(requirements)];
}

/** The nearest level with any decorator decides. On one level a requirement beats `@SkipDpop`: closed when in doubt. */
export function isOpened(levels: readonly RouteLevel[]): boolean {
  const nearest = levels.find((level) => level.skipped || isDemand(level));
  return nearest !== undefined && !isDemand(nearest);
}

/**
 * The levels of a route, the nearest first: its handler, its class, then each base class in turn. A handler that overrides
 * another one starts anew, but the requirements of the overridden one come just before the level of its class.
 */
export function routeLevelsOf(handler: object, controller: Type, guard: Type): readonly RouteLevel[] {
  const lineage = [...lineageOf(controller)];
  const name = nameOf(handler, lineage);
  const levels = [readHandler(handler, guard)];
  let isFound = false;
  for (const type of lineage) {
    const own = name === undefined ? undefined : ownMethod(type, name);
    if (isFound && own !== undefined) levels.push(demandsOf(readHandler(own, guard)));
    isFound ||= own === handler;
    levels.push(routeLevelOfClass(type, guard));
  }
  return levels;
}

/** Whether something bound by `@UseGuards` is the guard or extends it: a class, or an instance of one. */
export function isGuard(bound: unknown, guard: Type): boolean {
  if (typeof bound !== 'function') return bound instanceof guard;
  return bound === guard || bound.prototype instanceof guard;
}

/** A class, then its base classes. */
export function* lineageOf(type: Type): Generator<Type> {
  for (let current: unknown = type; isClass(current); current = Object.getPrototypeOf(current)) yield current;
}

function isClass(value: unknown): value is Type {
  // The prototype of the last class is Function.prototype: a function, too, but without instances.
  return typeof value === 'function' && typeof value.prototype === 'object' && value.prototype !== null;
}

function nameOf(handler: object, lineage: readonly Type[]): PropertyKey | undefined {
  for (const type of lineage) {
    const name = Reflect.ownKeys(type.prototype as object).find((key) => ownMethod(type, key) === handler);
    if (name !== undefined) return name;
  }
  return undefined;
}

function ownMethod(type: Type, name: PropertyKey): object | undefined {
  const value: unknown = Object.getOwnPropertyDescriptor(type.prototype, name)?.value;
  return typeof value === 'function' ? value : undefined;
}

/** An override inherits requirements. It inherits neither an opening nor a looser policy than that of the service. */
function demandsOf(level: RouteLevel): RouteLevel {
  const { nonce, bearer, enforcement, anonymous, ticket, endAtExpiry } = level.policy ?? {};
  const policy: RoutePolicy | undefined = level.policy && {
    ...(nonce === 'required' && { nonce }),
    ...(bearer === 'reject' && { bearer }),
    ...(enforcement === 'enforce' && { enforcement }),
    ...(anonymous === 'reject' && { anonymous }),
    ...(ticket === 'reject' && { ticket }),
    ...(endAtExpiry === true && { endAtExpiry }),
  };
  return { ...level, policy, skipped: false };
}

/** Metadata may be inherited: a decorator of the app may wrap the handler in a function that has it as its prototype. */
function readHandler(handler: object, guard: Type): RouteLevel {
  const read = (key: string): unknown => Reflect.getMetadata(key, handler);
  return toLevel(handler, read, toArray(read(GUARDS_METADATA)), guard);
}

/** The level of a class. */
export function routeLevelOfClass(type: Type, guard: Type): RouteLevel {
  const read = (key: string): unknown => Reflect.getOwnMetadata(key, type);
  const bound = toArray(read(GUARDS_METADATA));
  // @UseGuards on a class repeats the guards of its base class before its own.
  const inherited = toArray(Reflect.getMetadata(GUARDS_METADATA, Object.getPrototypeOf(type) as object));
  const isRepeated = inherited.every((guardOfBase, index) => bound[index] === guardOfBase);
  return toLevel(type, read, isRepeated ? bound.slice(inherited.length) : bound, guard);
}

function toLevel(
  target: object,
  read: (key: string) => unknown,
  bound: readonly unknown[],
  guard: Type,
): RouteLevel {
  return {
    target,
    policy: read(routeMetadata.policy.key) as RouteLevel['policy'],
    requirements: readRequirements(read),
    guarded: bound.some((item) => isGuard(item, guard)),
    skipped: read(routeMetadata.skip.key) === true,
  };
}

function toArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
