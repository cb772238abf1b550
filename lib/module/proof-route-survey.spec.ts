import { describe, expect, test } from '@jest/globals';
import { Post, type Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { DpopBound } from '../guard/dpop-bound.decorator.js';
import { DpopProof } from '../guard/dpop-proof.decorator.js';
import { SkipDpop } from '../guard/policy.decorators.js';
import { RequireScopes } from '../guard/rights.decorators.js';
import type { GuardCoverage } from './guard-coverage.js';
import { type ProofRouteSurvey, surveyProofRoutes } from './proof-route-survey.js';

const NOTHING: ProofRouteSurvey = { unguarded: [], unenforced: [], contradictory: [] };

interface Covered {
  /** The handlers and classes that `DpopGuard` covers. */
  readonly resources?: readonly object[];
  /** Those that `DpopProofGuard` covers. */
  readonly proofs?: readonly object[];
}

function survey(types: readonly Type[], { resources = [], proofs = [] }: Covered = {}): ProofRouteSurvey {
  const controllers = new Map(types.map((metatype) => [metatype, { metatype }]));
  const coverageOf = (covered: readonly object[]) =>
    ({
      covers: (handler: object, type: object) => covered.includes(handler) || covered.includes(type),
    }) as unknown as GuardCoverage;
  return surveyProofRoutes(
    new Map([['module', { controllers, providers: new Map() }]]) as unknown as ModulesContainer,
    coverageOf(resources),
    coverageOf(proofs),
  );
}

@DpopProof()
class Pushed {
  @Post()
  push(@DpopBound() _jkt: string): void {}

  @Post()
  open(): void {}

  notAnEndpoint(): void {}
}

class Device {
  @DpopProof({ absentProof: 'accept' })
  notYetAnEndpoint(): void {}

  @Post()
  open(): void {}
}

describe('endpoints with @DpopProof (G7)', () => {
  test('are unguarded and unenforced without DpopProofGuard: the routes of a class, or what has it itself', () => {
    expect(survey([Pushed, Device])).toEqual({
      ...NOTHING,
      unguarded: [
        'Pushed.push (@DpopProof, @DpopBound)',
        'Pushed.open (@DpopProof)',
        'Device.notYetAnEndpoint (@DpopProof)',
      ],
      unenforced: ['Pushed.push', 'Pushed.open', 'Device.notYetAnEndpoint'],
    });
  });

  test('are no better off with DpopGuard, which fills @DpopBound alone', () => {
    expect(survey([Pushed], { resources: [Pushed] })).toEqual({
      ...NOTHING,
      unguarded: ['Pushed.push (@DpopProof)', 'Pushed.open (@DpopProof)'],
      unenforced: ['Pushed.push', 'Pushed.open'],
    });
  });

  test('are in order with DpopProofGuard', () => {
    expect(survey([Pushed, Device], { proofs: [Pushed, Device] })).toEqual(NOTHING);
    expect(survey([Pushed], { proofs: [Pushed.prototype.push] })).toEqual({
      ...NOTHING,
      unguarded: ['Pushed.open (@DpopProof)'],
      unenforced: ['Pushed.open'],
    });
  });
});

describe('endpoints with @DpopBound (G7, I2)', () => {
  class Token {
    @Post()
    issue(@DpopBound() _jkt: string): void {}

    @SkipDpop()
    @Post('opened')
    opened(@DpopBound() _jkt: string): void {}
  }
  const unguarded = ['Token.issue (@DpopBound)', 'Token.opened (@DpopBound)'];

  test('are unguarded without a guard that fills it', () => {
    expect(survey([Token])).toEqual({ ...NOTHING, unguarded });
  });

  test('are filled by either guard, but not by DpopGuard if @SkipDpop opens them', () => {
    expect(survey([Token], { proofs: [Token] })).toEqual(NOTHING);
    expect(survey([Token], { resources: [Token] })).toEqual({ ...NOTHING, unguarded: unguarded.slice(1) });
  });

  test('are no matter of this survey if they need an access token', () => {
    class Accounts {
      @Post('claims')
      claims(@DpopBound() _jkt: string, @DpopBound('claims') _claims: object): void {}

      @RequireScopes('read')
      @Post('scopes')
      scopes(@DpopBound() _jkt: string): void {}
    }
    expect(survey([Accounts])).toEqual(NOTHING);
  });

  test('need no access token if @SkipDpop overrides what the class requires', () => {
    @RequireScopes('read')
    class Mixed {
      @SkipDpop()
      @Post()
      opened(@DpopBound() _jkt: string): void {}
    }
    expect(survey([Mixed])).toEqual({ ...NOTHING, unguarded: ['Mixed.opened (@DpopBound)'] });
  });
});

describe('handlers that both guards cover (G7)', () => {
  class Both {
    @Post()
    issue(): void {}

    @SkipDpop()
    @Post('opened')
    opened(): void {}

    @Post('resource')
    resource(): void {}

    @Post('proof')
    proof(): void {}

    notAnEndpoint(): void {}
  }
  const { issue, opened, resource, proof, notAnEndpoint } = Both.prototype;

  test('are contradictory, unless they are opened for DpopGuard or no endpoints', () => {
    const resources = [issue, opened, resource, notAnEndpoint];
    const proofs = [issue, opened, proof, notAnEndpoint];
    expect(survey([Both], { resources, proofs })).toEqual({ ...NOTHING, contradictory: ['Both.issue'] });
  });
});
