// The function that looks after the deployment once a day. For now it counts what the bucket holds.
import { openStorage } from './environment.ts';

const { objects } = openStorage();

export type UpkeepReport = { readonly objects: number; readonly bytes: number };

export async function handler(): Promise<UpkeepReport> {
  const report = { objects: 0, bytes: 0 };
  let more = true;
  let after: string | undefined;
  while (more) {
    const page = await objects.list(after === undefined ? {} : { after });
    for (const { bytes } of page.objects) {
      report.objects += 1;
      report.bytes += bytes;
    }
    after = page.objects.at(-1)?.key ?? after;
    more = page.more;
  }
  return report;
}
