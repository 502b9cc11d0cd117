// The rules of retention, without any reading or writing.
import { type ConfigOverrides, configValue } from './config.ts';

const hasPolicy = (overrides: ConfigOverrides, policy: 'delete' | 'compact'): boolean =>
  configValue(overrides, 'cleanup.policy')
    .split(',')
    .some((name) => name.trim() === policy);

export const isCompacted = (overrides: ConfigOverrides): boolean => hasPolicy(overrides, 'compact');
