// This runs the worlds of groups by hand: npm run sim:groups -- --help
import { main } from '../core/main.ts';
import { groupSimulation } from './simulation.ts';

await main(groupSimulation);
