"""confluent-kafka (librdkafka), driven by lines as kafka_python.py is."""

import sys

from confluent_kafka import Consumer, KafkaException, Producer


def produce(address: str, topic: str, codec: str) -> None:
    failures = []
    producer = Producer({"bootstrap.servers": address, "compression.type": codec, "enable.idempotence": True})
    for line in sys.stdin:
        key, value = line.rstrip("\n").split("\t")
        producer.produce(topic, key=key, value=value, on_delivery=lambda error, _: error and failures.append(error))
    left = producer.flush(60)
    if left or failures:
        sys.exit(f"{left} records are left, and these failed: {failures}")


def consume(address: str, topic: str, group: str, count: str) -> None:
    consumer = Consumer({"bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    left = int(count)
    while left > 0:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        print(message.partition(), message.offset(), message.key().decode(), message.value().decode(), sep="\t")
        left -= 1
    consumer.close()


sys.stdin.reconfigure(encoding="utf-8")
sys.stdout.reconfigure(encoding="utf-8")
{"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:])
