// Reads clicks as a member of a group, and commits what it has printed. If it is started again, it goes on from there; if it is
// started several times, the members share the partitions. A number as argument ends it after so many clicks.
package shop;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

public class ClickConsumer {
  public static void main(String[] args) {
    int left = args.length > 0 ? Integer.parseInt(args[0]) : Integer.MAX_VALUE;
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings())) {
      consumer.subscribe(List.of(ClickProducer.TOPIC));
      while (left > 0) {
        ConsumerRecords<String, String> clicks = consumer.poll(Duration.ofMillis(100));
        for (ConsumerRecord<String, String> click : clicks) {
          System.out.printf(
              "read: partition %d, offset %d: %s %s%n",
              click.partition(), click.offset(), click.key(), click.value());
        }
        if (!clicks.isEmpty()) consumer.commitSync();
        left -= clicks.count();
      }
    }
  }

  private static Map<String, Object> settings() {
    return Map.of(
        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, Bootstrap.servers(),
        ConsumerConfig.GROUP_ID_CONFIG, "click-readers",
        ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class,
        ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class,
        ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest",
        ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false,
        ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
        ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 500);
  }
}
