#!/usr/bin/env node
// Starts the command line. The repository has it in TypeScript, the package in JavaScript.
'use strict';
const { existsSync } = require('node:fs');
const path = require('node:path');
const [compiled, source] = ['main.js', 'main.ts'].map((name) => path.join(__dirname, '..', 'cli', name));
require('./node24.cjs').run(existsSync(compiled) ? compiled : source, process.argv.slice(2));
