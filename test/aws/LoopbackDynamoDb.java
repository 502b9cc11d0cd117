// DynamoDB Local, in memory, on 127.0.0.1 only: its stock main class listens on every interface and has no option for
// that. It understands `-port N` (0 or absent: any free port), ignores the stock options that others give it, and prints
// the line "listening on N" when it is ready. With -Duntil.stdin.closes=true it ends with the process that started it.
import java.net.InetSocketAddress;
import java.util.Arrays;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.server.LocalDynamoDBRequestHandler;
import software.amazon.dynamodb.services.local.server.LocalDynamoDBServerHandler;

public class LoopbackDynamoDb {
  public static void main(String[] args) throws Exception {
    int at = Arrays.asList(args).indexOf("-port");
    int port = at < 0 ? 0 : Integer.parseInt(args[at + 1]);
    boolean inMemory = true, sharedDb = true, delayTransientStatuses = false;
    var requests = new LocalDynamoDBRequestHandler(0, inMemory, null, sharedDb, delayTransientStatuses);
    var server = new Server(new InetSocketAddress("127.0.0.1", port));
    server.setHandler(new LocalDynamoDBServerHandler(requests, null));
    server.start();
    System.out.println("listening on " + ((ServerConnector) server.getConnectors()[0]).getLocalPort());
    if (!Boolean.getBoolean("until.stdin.closes")) server.join();
    while (System.in.read() >= 0) {}
    System.exit(0);
  }
}
