// The metrics of requests and of the process, kept by prom-client. Labels are names of operations, APIs and statuses, which are
// fixed lists, so their number is bounded.
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { HttpApi } from '../../http/http-event.ts';

/** Seconds. A long poll takes up to 20. */
const buckets = [0.005, 0.02, 0.05, 0.1, 0.25, 1, 5, 20];

/** One request of Kafka's protocol. It failed if the connection had to be closed. */
export type KafkaAnswer = { readonly api: string; readonly durationMs: number; readonly hasFailed: boolean };

export function createRequestMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const http = new Counter({
    name: 'rivulet_http_requests_total',
    help: 'Requests to the HTTP API by operation, as the OpenAPI document names it, and status',
    labelNames: ['operation', 'status'] as const,
    registers,
  });
  const httpSeconds = new Histogram({
    name: 'rivulet_http_request_duration_seconds',
    help: 'Duration of these requests, with the wait of long polls',
    labelNames: ['operation'] as const,
    ...{ buckets, registers },
  });
  const kafka = new Counter({
    name: 'rivulet_kafka_requests_total',
    help: "Requests of Kafka's clients by API; result is closed where the connection had to be closed",
    labelNames: ['api', 'result'] as const,
    registers,
  });
  const kafkaSeconds = new Histogram({
    name: 'rivulet_kafka_request_duration_seconds',
    help: 'Duration of these requests, with the wait of long polls',
    labelNames: ['api'] as const,
    ...{ buckets, registers },
  });
  return {
    /** The same API, with its requests counted. Requests that no operation takes count as `none`. */
    watch:
      (api: HttpApi): HttpApi =>
      async (event) => {
        const beganMs = performance.now();
        const result = await api(event);
        const operation = result.operation ?? 'none';
        http.inc({ operation, status: String(result.statusCode) });
        httpSeconds.observe({ operation }, (performance.now() - beganMs) / 1_000);
        return result;
      },
    answered({ api, durationMs, hasFailed }: KafkaAnswer): void {
      kafka.inc({ api, result: hasFailed ? 'closed' : 'answered' });
      kafkaSeconds.observe({ api }, durationMs / 1_000);
    },
    text: (): Promise<string> => registry.metrics(),
  };
}
