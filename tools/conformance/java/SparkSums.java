// A job of Spark: it reads numbers, adds up those with the same last digit, and writes each number with the count and the sum up
// to it. Arguments: address of the cluster, trigger, and folder for checkpoints, from which it goes on if it has some.
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapGroupsWithStateFunction;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.GroupState;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.Trigger;
import scala.Tuple2;

public class SparkSums {
  public static void main(String[] args) throws Exception {
    String address = args[0];
    SparkSession session =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.ui.enabled", "false")
            .config("spark.log.level", "WARN")
            .config("spark.sql.shuffle.partitions", "2")
            .getOrCreate();
    Dataset<Long> numbers =
        session
            .readStream()
            .format("kafka")
            .option("kafka.bootstrap.servers", address)
            .option("subscribe", "spark-input")
            .option("startingOffsets", "earliest")
            .option("maxOffsetsPerTrigger", "2000")
            .load()
            .selectExpr("CAST(CAST(value AS STRING) AS LONG)")
            .as(Encoders.LONG());
    FlatMapGroupsWithStateFunction<Long, Long, Tuple2<Long, Long>, String> sums = SparkSums::sums;
    numbers
        .groupByKey((MapFunction<Long, Long>) number -> number % 10, Encoders.LONG())
        .flatMapGroupsWithState(
            sums,
            OutputMode.Append(),
            Encoders.tuple(Encoders.LONG(), Encoders.LONG()),
            Encoders.STRING(),
            GroupStateTimeout.NoTimeout())
        .selectExpr("split(value, ' ')[0] AS key", "value")
        .writeStream()
        .format("kafka")
        .option("kafka.bootstrap.servers", address)
        .option("topic", "spark-output")
        .option("checkpointLocation", args[2])
        .trigger(args[1].equals("AvailableNow") ? Trigger.AvailableNow() : Trigger.ProcessingTime("500 milliseconds"))
        .start()
        .awaitTermination();
  }

  /** Sorted, because a batch that is run again may get its numbers in another order, and has to write the same lines. */
  private static Iterator<String> sums(Long digit, Iterator<Long> numbers, GroupState<Tuple2<Long, Long>> state) {
    List<Long> sorted = new ArrayList<>();
    numbers.forEachRemaining(sorted::add);
    sorted.sort(null);
    long count = state.exists() ? state.get()._1() : 0;
    long sum = state.exists() ? state.get()._2() : 0;
    List<String> lines = new ArrayList<>();
    for (long number : sorted) lines.add(digit + " " + number + " " + ++count + " " + (sum += number));
    state.update(new Tuple2<>(count, sum));
    return lines.stream().map(SparkSums::slowly).iterator();
  }

  /** On the way to the sink, so that a kill cuts off a batch of which a part is written. */
  private static String slowly(String line) {
    try {
      Thread.sleep(2);
    } catch (InterruptedException interruption) {
      throw new IllegalStateException(interruption);
    }
    return line;
  }
}
