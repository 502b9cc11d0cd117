// The address of the service, which is all that tells Rivulet and Apache Kafka apart.
package shop;

class Bootstrap {
  static String servers() {
    return System.getenv().getOrDefault("BOOTSTRAP_SERVERS", "127.0.0.1:9092");
  }
}
