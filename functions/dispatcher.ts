export const handler = async (_event: unknown, _context: unknown): Promise<void> => {};
