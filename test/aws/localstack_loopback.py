# LocalStack's S3 on 127.0.0.1 only (its web server takes just the port from GATEWAY_LISTEN and listens on every interface).
# It compares keys of a listing in their encoded form, where their order is another: mended here. It ends with the process that
# started it, when standard input closes, and then removes FILESYSTEM_ROOT.
import functools
import os
import shutil
import sys
import threading
import urllib.parse

from twisted.internet import endpoints

stock_endpoint = endpoints.TCP4ServerEndpoint


def loopback_endpoint(reactor, port, backlog=50, interface="127.0.0.1"):
    return stock_endpoint(reactor, port, backlog, interface)


def end_with_parent():
    sys.stdin.buffer.read()
    shutil.rmtree(os.environ["FILESYSTEM_ROOT"], ignore_errors=True)
    os._exit(0)


endpoints.TCP4ServerEndpoint = loopback_endpoint

from localstack.services.s3.provider import S3Provider  # noqa: E402: after the patch

stock_list = S3Provider.list_objects_v2


@functools.wraps(stock_list)
def list_by_plain_keys(self, *args, encoding_type=None, **kwargs):
    reply = stock_list(self, *args, **kwargs)
    if encoding_type:
        for found in reply.get("Contents", []):
            found["Key"] = urllib.parse.quote_plus(found["Key"], safe="/")
        reply["EncodingType"] = encoding_type
    return reply


S3Provider.list_objects_v2 = list_by_plain_keys

from localstack.runtime.main import main  # noqa: E402

threading.Thread(target=end_with_parent, daemon=True).start()
main()
