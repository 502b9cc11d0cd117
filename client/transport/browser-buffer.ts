// A build for browsers puts this Buffer where the code names Node's.
export { Buffer } from 'buffer/index.js';
