// Where the Chromium is that opens the console for tests and figures.
import { existsSync } from 'node:fs';

/** Undefined if this machine has none. */
export const chromiumPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
