// This file parses times and durations as a person types them, for all commands and for the console. A time is ISO 8601, also
// with a blank for the T, and in UTC if the text names no zone, as in Kafka's tools. It may also be epoch milliseconds.
// Invariant: a text that is neither gives undefined, never a time that the person did not mean.

const TIME =
  /^(\d{4}-\d\d-\d\d)(?:[T ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?))?(?:Z|([+-](?:[01]\d|2[0-3])):?([0-5]\d)?)?$/;

/** Returns epoch milliseconds, since 1970. Returns undefined also if the day is not in the calendar. */
export function timeIn(text: string): number | undefined {
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : epochMs(text);
  return ms >= 0 ? ms : undefined;
}

function epochMs(text: string): number {
  const [, day, time = '00:00', hours = '+00', minutes = '00'] = TIME.exec(text) ?? [];
  const midnightMs = Date.parse(`${day}T00:00Z`);
  // Date.parse reads 30 February as 2 March.
  if (Number.isNaN(midnightMs) || !new Date(midnightMs).toISOString().startsWith(day!)) return Number.NaN;
  // Date.parse cuts what is finer than a millisecond, so that no record of that moment is left out.
  return Date.parse(`${day}T${time.replace(',', '.')}${hours}:${minutes}`);
}

const DURATION = /^P(?=\d|T\d)(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?$/;

/** Returns milliseconds. */
export function durationIn(text: string): number | undefined {
  const parts = DURATION.exec(text.toUpperCase());
  if (!parts) return undefined;
  const [days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0));
  return Math.round(((days! * 24 + hours!) * 60 + minutes!) * 60_000 + seconds! * 1_000);
}
