// Prints what Kafka's own classes make of every version of every message that kafka/schema/table.json has. By hand:
//
//   mvn dependency:copy -Dartifact=org.apache.kafka:kafka-clients:4.3.1 -DoutputDirectory=kafka-jars
//   java -cp kafka-jars/kafka-clients-4.3.1.jar test/kafka/codec/Golden.java | gzip -9 -n > test/fixtures/kafka/messages.jsonl.gz
//
// A line is [message, version, kind, hex]. In the kind "full" every list has one element, and the type of a field decides
// its value; in the kind "bare" every field has its default, and only lists of structs have one element. golden.test.ts
// fills the same values in. The headers come with an API key and a client id.
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.ConsumerProtocolAssignment;
import org.apache.kafka.common.message.ConsumerProtocolSubscription;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.record.internal.MemoryRecords;

public class Golden {
  static final short LAST_API_KEY = 69;
  static final List<Short> LATER_KEYS = List.of((short) 74, (short) 75);

  public static void main(String[] args) throws Exception {
    for (ApiMessageType api : ApiMessageType.values()) {
      boolean isWanted = api.apiKey() <= LAST_API_KEY || LATER_KEYS.contains(api.apiKey());
      if (!isWanted || !api.listeners().contains(ApiMessageType.ListenerType.BROKER)) continue;
      print(api.newRequest().getClass(), api.requestSchemas());
      print(api.newResponse().getClass(), api.responseSchemas());
    }
    print(RequestHeaderData.class, RequestHeaderData.SCHEMAS);
    print(ResponseHeaderData.class, ResponseHeaderData.SCHEMAS);
    print(ConsumerProtocolSubscription.class, ConsumerProtocolSubscription.SCHEMAS);
    print(ConsumerProtocolAssignment.class, ConsumerProtocolAssignment.SCHEMAS);
  }

  static void print(Class<?> type, Schema[] schemas) throws Exception {
    for (short version = 0; version < schemas.length; version++) {
      if (schemas[version] == null) continue;
      for (boolean full : new boolean[] {true, false}) {
        Message message = (Message) type.getConstructor().newInstance();
        fill(message, schemas[version], full);
        byte[] bytes = bytesOf(message, version, full);
        if (bytes == null) continue;
        String name = type.getSimpleName().replaceAll("Data$", "");
        System.out.printf("[\"%s\",%d,\"%s\",\"%s\"]%n", name, version, full ? "full" : "bare", HexFormat.of().formatHex(bytes));
      }
    }
  }

  /** A message whose records are null cannot be written bare. */
  static byte[] bytesOf(Message message, short version, boolean full) {
    try {
      ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
      byte[] bytes = new byte[buffer.remaining()];
      buffer.get(bytes);
      return bytes;
    } catch (NullPointerException error) {
      if (full) throw error;
      return null;
    }
  }

  static void fill(Object struct, Schema schema, boolean full) throws Exception {
    for (BoundField field : schema.fields()) {
      if (field.def.type instanceof TaggedFields tagged) {
        for (Field inner : tagged.fields().values()) set(struct, inner, full);
      } else {
        set(struct, field.def, full);
      }
    }
  }

  static void set(Object struct, Field field, boolean full) throws Exception {
    Method setter = setterOf(struct.getClass(), field.name);
    Type type = setter.getGenericParameterTypes()[0];
    if (!full && !isListOfStructs(type)) return;
    String name = Character.toLowerCase(setter.getName().charAt(3)) + setter.getName().substring(4);
    setter.invoke(struct, value(type, field.type, name, full));
  }

  static Method setterOf(Class<?> type, String snakeName) {
    String name = "set" + snakeName.replace("_", "");
    for (Method method : type.getMethods()) if (method.getName().equalsIgnoreCase(name)) return method;
    throw new IllegalStateException(type + " has no " + name);
  }

  static boolean isListOfStructs(Type type) {
    Type element = elementOf(type);
    return element instanceof Class<?> one && Message.class.isAssignableFrom(one);
  }

  static Type elementOf(Type type) {
    if (type instanceof ParameterizedType list) return list.getActualTypeArguments()[0];
    if (type instanceof Class<?> one && Collection.class.isAssignableFrom(one))
      return ((ParameterizedType) one.getGenericSuperclass()).getActualTypeArguments()[0];
    return null;
  }

  @SuppressWarnings("unchecked")
  static Object value(Type type, org.apache.kafka.common.protocol.types.Type wire, String name, boolean full) throws Exception {
    Type element = elementOf(type);
    if (element == null) return single((Class<?>) type, wire, name, full);
    Object one = single((Class<?>) element, wire.arrayElementType().get(), name, full);
    if (type instanceof ParameterizedType) return new ArrayList<>(List.of(one));
    Collection<Object> collection = (Collection<Object>) ((Class<?>) type).getConstructor().newInstance();
    collection.add(one);
    return collection;
  }

  static Object single(Class<?> type, org.apache.kafka.common.protocol.types.Type wire, String name, boolean full) throws Exception {
    if (wire instanceof Schema schema) {
      Object struct = type.getConstructor().newInstance();
      fill(struct, schema, full);
      return struct;
    }
    if (wire.toString().contains("UINT16")) return 40_000;
    if (type == String.class) return name;
    if (type == boolean.class || type == Boolean.class) return true;
    if (type == byte.class || type == Byte.class) return (byte) 7;
    if (type == short.class || type == Short.class) return (short) 700;
    if (type == int.class || type == Integer.class) return 70_000;
    if (type == long.class || type == Long.class) return 5_000_000_000L;
    if (type == double.class) return 0.5;
    if (type == Uuid.class) return new Uuid(0x0001020304050607L, 0x08090a0b0c0d0e0fL);
    byte[] bytes = {1, 2, 3};
    if (type == byte[].class) return bytes;
    if (type == ByteBuffer.class) return ByteBuffer.wrap(bytes);
    return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes));
  }
}
