// Starts a group of consumers in one process, lets one leave, and prints the milliseconds until the others have all partitions.
// Arguments: the address, a new topic, the number of members, the number of partitions, and the protocol (classic or consumer).

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class GroupSettles {
    static final long PATIENCE_MS = 120_000;

    public static void main(String[] args) throws Exception {
        String address = args[0], topic = args[1], protocol = args[4];
        int members = Integer.parseInt(args[2]), partitions = Integer.parseInt(args[3]);
        Properties common = new Properties();
        common.put("bootstrap.servers", address);
        try (Admin admin = Admin.create(common)) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        }
        AtomicIntegerArray owned = new AtomicIntegerArray(members);
        AtomicBoolean leaves = new AtomicBoolean();
        for (int i = 0; i < members; i++) start(i, common, topic, protocol, owned, leaves);
        until(() -> sum(owned) == partitions && hasEachSome(owned));
        // No round is under way that would hide the one that is measured.
        Thread.sleep(10_000);
        long began = System.nanoTime();
        leaves.set(true);
        until(() -> owned.get(0) == 0 && sum(owned) == partitions);
        System.out.println((System.nanoTime() - began) / 1_000_000 + " ms");
        System.exit(0);
    }

    static void start(int i, Properties common, String topic, String protocol, AtomicIntegerArray owned, AtomicBoolean leaves) {
        Properties settings = new Properties();
        settings.putAll(common);
        settings.put("group.id", topic);
        settings.put("group.protocol", protocol);
        Thread thread = new Thread(() -> {
            var bytes = new ByteArrayDeserializer();
            try (var consumer = new KafkaConsumer<>(settings, bytes, bytes)) {
                consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
                    public void onPartitionsAssigned(Collection<TopicPartition> added) {
                        owned.addAndGet(i, added.size());
                    }

                    public void onPartitionsRevoked(Collection<TopicPartition> taken) {
                        owned.addAndGet(i, -taken.size());
                    }
                });
                while (i != 0 || !leaves.get()) consumer.poll(Duration.ofMillis(200));
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    static int sum(AtomicIntegerArray owned) {
        int sum = 0;
        for (int i = 0; i < owned.length(); i++) sum += owned.get(i);
        return sum;
    }

    static boolean hasEachSome(AtomicIntegerArray owned) {
        for (int i = 0; i < owned.length(); i++) if (owned.get(i) == 0) return false;
        return true;
    }

    static void until(java.util.function.BooleanSupplier isSo) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE_MS * 1_000_000;
        while (!isSo.getAsBoolean()) {
            if (System.nanoTime() > end) throw new IllegalStateException("the group did not settle within " + PATIENCE_MS + " ms");
            Thread.sleep(10);
        }
    }
}
