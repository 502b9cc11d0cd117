// A job of Flink: it reads numbers, adds up those with the same last digit, and writes each number with the count and the sum up
// to it, exactly once. Arguments: address of the cluster, naming strategy of transactions, folder for checkpoints, and the
// checkpoint to go on from, if any.
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

public class FlinkSums {
  public static void main(String[] args) throws Exception {
    String address = args[0];
    Configuration settings = new Configuration();
    settings.setString("execution.checkpointing.interval", "500 ms");
    settings.setString("execution.checkpointing.storage", "filesystem");
    settings.setString("execution.checkpointing.dir", "file://" + args[2]);
    settings.setString("execution.checkpointing.num-retained", "3");
    settings.setString("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
    settings.setString("execution.checkpointing.tolerable-failed-checkpoints", "100");
    settings.setString("restart-strategy.type", "fixed-delay");
    settings.setString("restart-strategy.fixed-delay.attempts", "100");
    settings.setString("restart-strategy.fixed-delay.delay", "1 s");
    if (args.length > 3) settings.setString("execution.state-recovery.path", "file://" + args[3]);
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment(settings);
    environment.setParallelism(2);
    KafkaSource<String> source =
        KafkaSource.<String>builder()
            .setBootstrapServers(address)
            .setTopics("flink-input")
            .setGroupId("flink")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new SimpleStringSchema())
            .build();
    KafkaSink<String> sink =
        KafkaSink.<String>builder()
            .setBootstrapServers(address)
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix("flink-sums")
            .setTransactionNamingStrategy(TransactionNamingStrategy.valueOf(args[1]))
            // The default is an hour, which is more than a broker allows.
            .setProperty("transaction.timeout.ms", "600000")
            .setRecordSerializer(
                KafkaRecordSerializationSchema.<String>builder()
                    .setTopic("flink-output")
                    .setKeySerializationSchema((String line) -> line.split(" ")[0].getBytes(StandardCharsets.UTF_8))
                    .setValueSerializationSchema(new SimpleStringSchema())
                    .build())
            .build();
    environment
        .fromSource(source, WatermarkStrategy.noWatermarks(), "numbers")
        .map(FlinkSums::slowly)
        .keyBy(number -> Long.parseLong(number) % 10)
        .process(new Sums())
        .sinkTo(sink);
    environment.execute("sums");
  }

  /** In one chain with the source, so that checkpoints do not wait behind records that are buffered. */
  private static String slowly(String number) throws InterruptedException {
    Thread.sleep(2);
    return number;
  }

  private static final class Sums extends KeyedProcessFunction<Long, String, String> {
    private transient ValueState<Long> count;
    private transient ValueState<Long> sum;

    @Override
    public void open(OpenContext context) {
      count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Long.class));
      sum = getRuntimeContext().getState(new ValueStateDescriptor<>("sum", Long.class));
    }

    @Override
    public void processElement(String number, Context context, Collector<String> out) throws Exception {
      count.update((count.value() == null ? 0 : count.value()) + 1);
      sum.update((sum.value() == null ? 0 : sum.value()) + Long.parseLong(number));
      out.collect(context.getCurrentKey() + " " + number + " " + count.value() + " " + sum.value());
    }
  }
}
