"""kafka-python, driven by lines: `produce ADDRESS TOPIC CODEC` writes lines of "key TAB value" from its input; `consume ADDRESS
TOPIC GROUP COUNT` prints "partition TAB offset TAB key TAB value", commits, and leaves the group."""

import sys

from kafka import KafkaConsumer, KafkaProducer


def produce(address: str, topic: str, codec: str) -> None:
    producer = KafkaProducer(bootstrap_servers=address, compression_type=codec, linger_ms=20)
    sent = []
    for line in sys.stdin:
        key, value = line.rstrip("\n").split("\t")
        sent.append(producer.send(topic, key=key.encode(), value=value.encode()))
    for future in sent:
        future.get(timeout=60)
    producer.close()


def consume(address: str, topic: str, group: str, count: str) -> None:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    for number, message in enumerate(consumer, start=1):
        print(message.partition, message.offset, message.key.decode(), message.value.decode(), sep="\t")
        if number == int(count):
            break
    consumer.commit()
    consumer.close()


sys.stdin.reconfigure(encoding="utf-8")
sys.stdout.reconfigure(encoding="utf-8")
{"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:])
