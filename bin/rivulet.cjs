#!/usr/bin/env node
'use strict';
const path = require('node:path');
require('./node24.cjs').run(path.join(__dirname, '..', 'cli', 'main.ts'), process.argv.slice(2));
