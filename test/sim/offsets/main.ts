// This runs the worlds of committed offsets by hand: npm run sim:offsets -- --help
import { main } from '../core/main.ts';
import { offsetsSimulation } from './simulation.ts';

await main(offsetsSimulation);
