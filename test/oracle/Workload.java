// Writes one workload into a compacted topic of a real Kafka, waits for Kafka's cleaner after each phase, and prints what
// survives: "offset TAB key TAB value", where a tombstone has no value. main.ts starts the broker and calls this.
//
// A line of the workload is a batch: "phase TAB codec TAB key=value TAB key= ...", where "key=" is a tombstone. After each phase
// one more record, "roll<phase>", begins a new segment, because the cleaner leaves the active one alone.
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

public class Workload {
  static final long SEGMENT_MS = 300;

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0], topic = args[1], deleteRetentionMs = args[3];
    Path checkpoint = Path.of(args[4], "cleaner-offset-checkpoint");
    List<String> lines = Files.readAllLines(Path.of(args[2]));
    create(bootstrap, topic, deleteRetentionMs);
    int phases = Integer.parseInt(lines.get(lines.size() - 1).split("\t")[0]) + 1;
    for (int phase = 0; phase < phases; phase++) {
      if (phase > 0) Thread.sleep(Long.parseLong(deleteRetentionMs) + 500);
      long begun = System.currentTimeMillis();
      for (String line : lines) if (line.startsWith(phase + "\t")) send(bootstrap, topic, line.split("\t"));
      Thread.sleep(SEGMENT_MS + 100);
      long dirtyEnd = send(bootstrap, topic, new String[] {"", "none", "roll" + phase + "=r"});
      for (int i = 0; cleanedTo(checkpoint, topic) < dirtyEnd; i++) {
        if (i == 600) throw new IllegalStateException("the cleaner did not come to offset " + dirtyEnd);
        Thread.sleep(100);
      }
      // The cleaner may run within a phase. If that takes too long, a pass drops tombstones that an earlier one has found.
      if (System.currentTimeMillis() - begun > Long.parseLong(deleteRetentionMs))
        throw new IllegalStateException("the phase took longer than delete.retention.ms: the machine is too slow for it");
    }
    print(bootstrap, topic);
    producers.values().forEach(KafkaProducer::close);
  }

  static void create(String bootstrap, String topic, String deleteRetentionMs) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      Map<String, String> config = Map.of("cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0.0001",
          "segment.ms", String.valueOf(SEGMENT_MS), "delete.retention.ms", deleteRetentionMs);
      admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1).configs(config))).all().get();
    }
  }

  static final Map<String, KafkaProducer<String, String>> producers = new HashMap<>();

  /** The flush makes one batch of exactly these records. Returns the offset of the first. */
  static long send(String bootstrap, String topic, String[] fields) throws Exception {
    var producer = producers.computeIfAbsent(fields[1], codec -> new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap,
        "compression.type", codec, "linger.ms", "60000", "batch.size", "1000000"), new StringSerializer(), new StringSerializer()));
    var sent = new ArrayList<java.util.concurrent.Future<RecordMetadata>>();
    for (String field : Arrays.asList(fields).subList(2, fields.length)) {
      int at = field.indexOf('=');
      String value = field.substring(at + 1);
      sent.add(producer.send(new ProducerRecord<>(topic, 0, field.substring(0, at), value.isEmpty() ? null : value)));
    }
    producer.flush();
    return sent.get(0).get().offset();
  }

  static long cleanedTo(Path checkpoint, String topic) throws Exception {
    if (!Files.exists(checkpoint)) return 0;
    for (String line : Files.readAllLines(checkpoint))
      if (line.startsWith(topic + " 0 ")) return Long.parseLong(line.split(" ")[2]);
    return 0;
  }

  static void print(String bootstrap, String topic) {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "check.crcs", "true");
    try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
      var partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      while (consumer.position(partition) < end)
        for (var record : consumer.poll(Duration.ofMillis(500)))
          System.out.println(record.offset() + "\t" + record.key() + "\t" + (record.value() == null ? "" : record.value()));
    }
  }
}
