import { BadRequestException } from '@nestjs/common';

export interface Transfer {
  readonly to: string;
  readonly amountCents: number;
}

const MAX_CENTS = 50_000;

/** @throws BadRequestException, with a sentence for a person, for anything but a name of letters and an amount up to 500 */
export function parseTransfer(body: unknown): Transfer {
  const { to, amountCents } = (body ?? {}) as Partial<Record<keyof Transfer, unknown>>;
  if (typeof to !== 'string' || !/^\p{L}[\p{L} ]{0,39}$/u.test(to)) {
    throw new BadRequestException('The recipient is a name: letters and spaces, at most 40.');
  }
  if (
    typeof amountCents !== 'number' ||
    !Number.isInteger(amountCents) ||
    amountCents < 1 ||
    amountCents > MAX_CENTS
  ) {
    throw new BadRequestException('The amount is one cent at least, and 500 euro at most.');
  }
  return { to, amountCents };
}
