import type { Arguments } from './arguments.js';
import type { Command, Io } from './command.js';
import { EXIT, UsageError } from './outcome.js';
import { type Diagnosis, formatDiagnoses, note } from './diagnosis.js';
import { examineIssuer } from './issuer-doctor.js';
import { examineRedis } from './redis-doctor.js';
import { examineService } from './service-doctor.js';

/** Checks a running service and its surroundings from outside. */
export const doctorCommand: Command = {
  summary: 'Checks a running service from outside: challenges, metadata, issuer, clocks and Redis.',
  operands: 'URL [OPTIONS]',
  options: {
    issuer: { type: 'string', value: 'URL', what: 'The issuer, if the metadata of the service names none.' },
    redis: {
      type: 'string',
      value: 'URL',
      what: 'The Redis of the service; env:NAME takes the URL from a variable.',
    },
    'allow-insecure-http': { type: 'boolean', what: 'Accept an http issuer that is not this machine.' },
  },
  notes: [
    'URL is a guarded route. It is called once, without credentials.',
    'A URL of Redis may hold a password: set it in a variable, and write --redis env:REDIS_URL.',
    'The exit code is 1 if there is a PROBLEM, and 3 if the service cannot be reached. A note is for you to judge.',
  ],
  async run(args, io) {
    const url = args.urlOperand();
    const redis = redisUrl(args, io);
    const given = args.trustedUrl('issuer');
    const report = (title: string, diagnoses: readonly Diagnosis[]) => {
      io.stdout(`${formatDiagnoses(title, diagnoses)}\n`);
      return diagnoses.filter(({ kind }) => kind === 'problem').length;
    };
    const service = await examineService(url);
    let problems = report(`Service ${url.href}`, service.diagnoses);
    const issuers = new Set([...(given === undefined ? [] : [given]), ...service.issuers]);
    for (const issuer of issuers)
      problems += report(`Issuer ${issuer}`, await examineIssuer(issuer, service.algorithms));
    if (issuers.size === 0)
      report('Issuer', [note('no issuer was checked: the service names none', 'name it with --issuer URL')]);
    if (redis !== undefined) problems += report('Redis', await examineRedis(redis));
    io.stdout(
      problems === 0 ? 'No problem found.\n' : `${problems} problem${problems === 1 ? '' : 's'} found.\n`,
    );
    if (!service.isReachable) return EXIT.unreachable;
    return problems === 0 ? EXIT.ok : EXIT.refused;
  },
};

/** @throws UsageError */
function redisUrl(args: Arguments, { env }: Io): string | undefined {
  const value = args.text('redis');
  const [, name] = /^env:(\w+)$/.exec(value ?? '') ?? [];
  if (name === undefined) return value;
  if (env[name] !== undefined && env[name] !== '') return env[name];
  throw new UsageError(`the variable ${name} of --redis is not set`);
}
