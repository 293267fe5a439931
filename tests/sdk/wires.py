"""What goes over the wire below an SDK: one wire for each transport that the SDKs bring.

A wire wraps as few methods of its transport as it can, and loads the transport only when it is made: each takes a
second.
"""

import hashlib
import importlib

# Response headers that a refusal or an encoding is judged by.
TOLD_HEADERS = (
    "content-type",
    "content-encoding",
    "retry-after",
    "sec-websocket-extensions",
    "x-amzn-errortype",
    "x-should-retry",
    "x-weir-budget",
)


class Wire:
    """What went over the wire since the last `reset`, below the SDK."""

    def __init__(self):
        self.reset()
        self.watch()

    def reset(self):
        self.attempts = 0
        self.request_sha256 = None
        self.url = None
        self.answered(None, {})

    def asked(self, url, body):
        self.attempts += 1
        self.url = str(url)
        self.request_sha256 = hashlib.sha256(body).hexdigest()

    def answered(self, status, headers):
        self.status = status
        self.headers = {n: headers[n] for n in TOLD_HEADERS if n in headers}
        self.body = hashlib.sha256()
        self.body_bytes = 0

    def got(self, chunk):
        self.body.update(chunk)
        self.body_bytes += len(chunk)

    def facts(self):
        return {
            "attempts": self.attempts,
            "url": self.url,
            "request_sha256": self.request_sha256,
            "status": self.status,
            "headers": self.headers,
            "response_sha256": self.body.hexdigest() if self.status is not None else None,
            "response_bytes": self.body_bytes,
        }


class Httpx(Wire):
    """The transport of most SDKs."""

    name = "httpx2"

    def watch(self):
        httpx = importlib.import_module(self.name)
        send = httpx.HTTPTransport.handle_request
        iter_raw = httpx.Response.iter_raw

        def watched_send(transport, request):
            self.asked(request.url, request.read())
            response = send(transport, request)
            self.answered(response.status_code, response.headers)
            return response

        def watched_iter_raw(response, chunk_size=None):
            for chunk in iter_raw(response, chunk_size):
                self.got(chunk)
                yield chunk

        httpx.HTTPTransport.handle_request = watched_send
        httpx.Response.iter_raw = watched_iter_raw


class OldHttpx(Httpx):
    """The one before, which Cohere's, Groq's and Ollama's SDKs use."""

    name = "httpx"


class Urllib3(Wire):
    """The transport of boto3: botocore retries above it, so each of its calls is an attempt."""

    def watch(self):
        import urllib3

        urlopen = urllib3.HTTPConnectionPool.urlopen
        stream = urllib3.HTTPResponse.stream

        def watched_urlopen(pool, method, url, body=None, headers=None, **more):
            self.asked(f"{pool.scheme}://{pool.host}{url}", body or b"")
            response = urlopen(pool, method, url, body, headers, **more)
            self.answered(response.status, response.headers)
            return response

        def watched_stream(response, *args, **more):
            for chunk in stream(response, *args, **more):
                self.got(chunk)
                yield chunk

        urllib3.HTTPConnectionPool.urlopen = watched_urlopen
        urllib3.HTTPResponse.stream = watched_stream


class WebSockets(Wire):
    """The transport of OpenAI's realtime client: an attempt is a handshake, and what follows has an end."""

    def reset(self):
        super().reset()
        self.connection = None

    def watch(self):
        from websockets.asyncio.client import ClientConnection

        handshake = ClientConnection.handshake

        async def watched_handshake(connection, *args, **more):
            self.connection = connection
            try:
                await handshake(connection, *args, **more)
            finally:
                self.asked(connection.request.path, b"")
                if response := connection.response:
                    self.answered(response.status_code, response.headers)

        ClientConnection.handshake = watched_handshake

    def facts(self):
        received = None if self.connection is None else self.connection.protocol.close_rcvd
        return super().facts() | {
            "close_code": received and received.code,
            "close_reason": received and received.reason,
        }
