import { test } from 'vitest';
test.todo('tidy');
