// This runs the worlds of push by hand: npm run sim:push -- --help
import { main } from '../core/main.ts';
import { pushSimulation } from './simulation.ts';

await main(pushSimulation);
