#!/bin/sh
# Fetches and builds the broker tests of librdkafka in this folder. The npm package of Confluent's JavaScript client has them;
# librdkafka has no package of its own with its tests.
set -e
npm pack --silent @confluentinc/kafka-javascript@1.10.1
tar xzf confluentinc-kafka-javascript-1.10.1.tgz
cd package/deps/librdkafka
chmod +x configure lds-gen.py mklove/modules/*
./configure
nice make -j2 libs
nice make -j2 -C tests test-runner
