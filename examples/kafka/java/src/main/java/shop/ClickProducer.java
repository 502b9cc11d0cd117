// Writes a hundred clicks of ten users. All clicks of one user go to one partition, because their key is the same, so that a
// consumer gets them in their order.
package shop;

import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

public class ClickProducer {
  static final String TOPIC = "clicks";

  public static void main(String[] args) {
    int clicks = args.length > 0 ? Integer.parseInt(args[0]) : 100;
    AtomicInteger failures = new AtomicInteger();
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings())) {
      for (int i = 0; i < clicks; i++) {
        String click = "{\"page\": %d, \"time\": %d}".formatted(i, System.currentTimeMillis());
        producer.send(new ProducerRecord<>(TOPIC, "user-" + i % 10, click), (written, failure) -> {
          if (failure == null) {
            System.out.printf("written: partition %d, offset %d%n", written.partition(), written.offset());
          } else {
            failures.incrementAndGet();
            System.err.println("not written: " + failure.getMessage());
          }
        });
      }
      producer.flush();
    }
    if (failures.get() > 0) {
      throw new IllegalStateException(failures + " of " + clicks + " clicks were not written");
    }
  }

  /** Every click is stored before it counts as written, and a repetition does not store it twice. */
  private static Map<String, Object> settings() {
    return Map.of(
        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, Bootstrap.servers(),
        ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class,
        ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, StringSerializer.class,
        ProducerConfig.ACKS_CONFIG, "all",
        ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true,
        ProducerConfig.LINGER_MS_CONFIG, 10,
        ProducerConfig.BATCH_SIZE_CONFIG, 32 * 1024,
        ProducerConfig.COMPRESSION_TYPE_CONFIG, "snappy");
  }
}
