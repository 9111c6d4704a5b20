"""Receives nudge's webhooks: it verifies each and prints it. pip install standardwebhooks"""
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

secret = Webhook(os.environ["WEBHOOK_SECRET"])


class Receiver(BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self):
        try:
            body = self.rfile.read(min(max(int(self.headers["Content-Length"]), 0), 64 << 10))
            secret.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except Exception:  # whatever is odd about it, it is refused
            self.send_response(401)
        else:
            # The same webhook-id is the same notification, come again.
            print(self.headers["webhook-id"], body.decode(), flush=True)
            self.send_response(204)
        self.end_headers()


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver).serve_forever()
