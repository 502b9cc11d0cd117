// This runs the worlds of transactions by hand: npm run sim:transactions -- --help
import { main } from '../core/main.ts';
import { transactionsSimulation } from './simulation.ts';

await main(transactionsSimulation);
