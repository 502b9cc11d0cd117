// List prices in USD for one unit: us-east-1, arm64, November 2026, without any free tier. lib/storage/count.ts has the
// prices of the storage requests.

export const price = {
  alarmMonth: 0.1,
  dashboardMonth: 3,
  gatewayRequest: 1e-6,
  lambdaRequest: 0.2e-6,
  lambdaGbSecond: 13.33e-6,
  logGb: 0.5,
  storageGbMonth: 0.023,
} as const;
