import { BadRequestException, Injectable } from '@nestjs/common';
import { Observable, Subject } from 'rxjs';

/** One booking. Amounts are in cents. */
export interface Entry {
  readonly text: string;
  readonly amountCents: number;
}

export interface Account {
  readonly owner: string;
  readonly balanceCents: number;
  readonly entries: readonly Entry[];
}

const FIRST_ENTRIES: readonly Entry[] = [
  { text: 'Salary', amountCents: 310_000 },
  { text: 'Rent', amountCents: -95_000 },
  { text: 'Groceries', amountCents: -7_420 },
];

/** The accounts of the bank, in memory. Each user has one, with the same first entries. */
@Injectable()
export class Ledger {
  readonly #entries = new Map<string, readonly Entry[]>();
  readonly #changes = new Subject<string>();

  accountOf(owner: string): Account {
    const entries = this.#entries.get(owner) ?? FIRST_ENTRIES;
    const balanceCents = entries.reduce((sum, { amountCents }) => sum + amountCents, 0);
    return { owner, balanceCents, entries };
  }

  /** @throws BadRequestException if the balance is smaller than the amount */
  transfer(owner: string, to: string, amountCents: number): Account {
    const { balanceCents, entries } = this.accountOf(owner);
    if (amountCents > balanceCents)
      throw new BadRequestException('The balance is too small for this transfer.');
    this.#entries.set(owner, [...entries, { text: `To ${to}`, amountCents: -amountCents }]);
    this.#changes.next(owner);
    return this.accountOf(owner);
  }

  /** The account now, and after each change. */
  watch(owner: string): Observable<Account> {
    return new Observable((subscriber) => {
      subscriber.next(this.accountOf(owner));
      return this.#changes.subscribe((changed) => {
        if (changed === owner) subscriber.next(this.accountOf(owner));
      });
    });
  }
}
