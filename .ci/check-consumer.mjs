// Compiles a small app against the packed package, as apps with an old module resolution find it, and with the newer
// ones. Use: check-consumer.mjs SCRATCH-FOLDER
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const SETTINGS = {
  // What TypeScript 5 takes for "module": "commonjs" without more. TypeScript 6 calls it deprecated, 7 has it no more.
  node10: { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
  bundler: { module: 'preserve', moduleResolution: 'bundler' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
};

const app = resolve(process.argv[2], 'consumer');
const modules = join(app, 'node_modules');
mkdirSync(modules, { recursive: true });
installPackage();
copyFileSync('test/consumer/app.ts', join(app, 'app.ts'));
writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
for (const [name, settings] of Object.entries(SETTINGS)) {
  const compilerOptions = {
    ...settings,
    target: 'es2021',
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
  };
  const project = join(app, `tsconfig.${name}.json`);
  writeFileSync(project, JSON.stringify({ compilerOptions, files: ['app.ts'] }));
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc6', '-p', project], { stdio: 'inherit' });
}
console.log(`types are found by ${Object.keys(SETTINGS).join(', ')}`);

/** The package as it is published, beside everything that is installed here. */
function installPackage() {
  const pack = ['pack', '--json', '--pack-destination', app];
  const [{ filename }] = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' }));
  for (const name of readdirSync('node_modules')) {
    if (!name.startsWith('.')) symlinkSync(resolve('node_modules', name), join(modules, name));
  }
  const target = join(modules, 'nestjs-dpop');
  mkdirSync(target);
  execFileSync('tar', ['-xzf', join(app, filename), '--strip-components=1', '-C', target]);
}
