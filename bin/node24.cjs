#!/usr/bin/env node
// Runs a script on Node 24 or newer, whatever Node started this file. So this file is plain CommonJS that an old Node can
// parse. It uses the system's Node if that is new enough, otherwise the Node that the npm package `node` installed, and
// otherwise it ends with one sentence.
'use strict';
const { spawn } = require('node:child_process');
const { existsSync } = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const OLDEST = 24;
/** Node keeps the compiled code there, which makes every later start about three times as fast. */
const compiled = path.join(__dirname, '..', 'node_modules', '.cache', 'compiled');

function packagedNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  // npm may have put it beside this package instead of into it. It has no main file, so this looks for the folder.
  return module.paths.map((folder) => path.join(folder, 'node', 'bin', name)).find(existsSync);
}

function runHere(script, args) {
  process.argv = [process.execPath, script, ...args];
  require('node:module').enableCompileCache(compiled);
  import(pathToFileURL(script).href).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

function runIn(node, script, args) {
  const env = { NODE_COMPILE_CACHE: compiled, ...process.env };
  const child = spawn(node, [script, ...args], { stdio: 'inherit', env });
  // This process outlives the signal, and the child decides what to do. Ctrl-C in a terminal reaches the child by itself too, so
  // it comes twice: see cli/stop-signals.ts. Windows has no signals to pass on: kill() would end the child without asking it.
  const pass = process.platform === 'win32' ? () => {} : (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, pass);
  child.on('error', (error) => {
    console.error(`rivulet: cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exit(code ?? 1);
  });
}

function run(script, args) {
  if (Number.parseInt(process.versions.node, 10) >= OLDEST) return runHere(script, args);
  const node = packagedNode();
  if (node) return runIn(node, script, args);
  console.error(
    `rivulet: expected Node ${OLDEST} or newer, got ${process.version}: install it, or run \`npm install\` again and allow optional packages and install scripts.`,
  );
  process.exit(1);
}

module.exports = { run };
if (require.main === module) {
  const [script, ...args] = process.argv.slice(2);
  if (script && existsSync(script)) run(path.resolve(script), args);
  else {
    console.error(
      script
        ? `node24: there is no script ${script}`
        : 'node24: expected a script, got none: run node bin/node24.cjs <script>',
    );
    process.exit(2);
  }
}
