// Decorators, applied by hand: the checks are plain JavaScript.
import { Inject, Injectable } from '@nestjs/common';

export function decorate(type, ...decorators) {
  for (const decorator of decorators.toReversed()) decorator(type);
  return type;
}

export function onMethod(type, name, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name);
  for (const decorator of decorators.toReversed()) decorator(type.prototype, name, descriptor);
  return type;
}

/** A decorator of the parameter at this index. */
export function onParameter(type, name, index, decorator) {
  decorator(type.prototype, name, index);
  return type;
}

export function inject(type, ...tokens) {
  for (const [index, injected] of tokens.entries()) Inject(injected)(type, undefined, index);
  decorate(type, Injectable());
  return type;
}
