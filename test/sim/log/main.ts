// This runs the simulation of the log by hand: npm run sim -- --help
import { writeFileSync } from 'node:fs';
import { number, whole } from '../core/flags.ts';
import { main } from '../core/main.ts';
import { toEdn } from '../real/edn.ts';
import { logSimulation, logWorlds, randomLogWorld, worldFlags } from './simulation.ts';
import type { WorldOptions } from './world.ts';

type Flags = Partial<WorldOptions> & { readonly world: keyof typeof logWorlds; readonly edn?: string };

await main(logSimulation, {
  flags(command) {
    command.option('--edn <file>', 'write the last history for an outside checker (docs/CHECKING.md)');
    for (const [flag, field] of Object.entries(worldFlags))
      command.option(`--${flag} <n>`, 'of a random world', field.endsWith('Rate') ? number : whole);
  },
  by(given) {
    const flags = given as Flags;
    const { world: name, edn, faults } = flags;
    const numbers = Object.values(worldFlags).filter((field) => flags[field] !== undefined);
    const changes = Object.fromEntries(numbers.map((field) => [field, flags[field]])) as Partial<WorldOptions>;
    const world = { ...logWorlds[name], ...changes, ...(faults && { faults }) };
    const chosen = randomLogWorld(name, world, ({ history }) => {
      if (edn !== undefined) writeFileSync(edn, toEdn(history));
    });
    return { ...logSimulation, randomWorlds: [chosen] };
  },
});
