"""An activity feed: people click, like and share, and a consumer counts what they do in windows of time.

    python activity_stream.py produce 100     # writes so many events
    python activity_stream.py consume 100     # counts so many events, and goes on where it stopped if it is run again

The environment variable BOOTSTRAP_SERVERS names the service; the default is 127.0.0.1:9092.
"""

import json
import os
import random
import sys
import time
from collections import Counter

from kafka import KafkaConsumer, KafkaProducer

BOOTSTRAP_SERVERS = os.environ.get("BOOTSTRAP_SERVERS", "127.0.0.1:9092").split(",")
TOPIC = "activity"
WINDOW_SECONDS = 300


def produce(events: int) -> None:
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP_SERVERS)
    sent = []
    for _ in range(events):
        user = f"user{random.randint(1, 10)}"
        event = {"user": user, "action": random.choice(["click", "like", "share"]), "time": time.time()}
        sent.append(producer.send(TOPIC, key=user.encode(), value=json.dumps(event).encode()))
        time.sleep(0.01)
    for future in sent:
        future.get(timeout=30)
    producer.close()
    print(f"written: {events} events")


def consume(events: int) -> None:
    consumer = KafkaConsumer(
        TOPIC,
        bootstrap_servers=BOOTSTRAP_SERVERS,
        group_id="analytics",
        auto_offset_reset="earliest",
    )
    windows: dict[int, Counter] = {}
    for count, message in enumerate(consumer, start=1):
        event = json.loads(message.value)
        window = int(event["time"]) // WINDOW_SECONDS * WINDOW_SECONDS
        windows.setdefault(window, Counter())[event["action"]] += 1
        if count == events:
            break
    consumer.close()
    for window, actions in sorted(windows.items()):
        start = time.strftime("%H:%M", time.localtime(window))
        trending = ", ".join(f"{action} {times}" for action, times in actions.most_common())
        print(f"{start}: {sum(actions.values())} events: {trending}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("produce", "consume"):
        sys.exit(__doc__)
    {"produce": produce, "consume": consume}[sys.argv[1]](int(sys.argv[2]))
