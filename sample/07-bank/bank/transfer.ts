import { BadRequestException } from '@nestjs/common';

export interface Transfer {
  readonly to: string;
  readonly amountCents: number;
}

/** @throws BadRequestException for anything but a name of a few letters and an amount up to 500 */
export function parseTransfer(body: unknown): Transfer {
  const { to, amountCents } = (body ?? {}) as Partial<Record<keyof Transfer, unknown>>;
  const isName = typeof to === 'string' && /^[\p{L} ]{1,40}$/u.test(to);
  const isAmount = Number.isInteger(amountCents) && Number(amountCents) > 0 && Number(amountCents) <= 50_000;
  if (!isName || !isAmount) throw new BadRequestException('to is a name, amountCents an amount up to 50000');
  return { to, amountCents: Number(amountCents) };
}
