"""Proxies, authorities of a company, addresses with a prefix or a password."""
import base64
import http.server
import socket
import ssl
import subprocess
import threading

import pytest

from jobs import play
from receiver import Receiver
from runstream.delivery import Connection

JOB = """
import runstream
run = runstream.init(project="p", capture_console=False, capture_environment=False); run.log({"x": 1.0}); print(run.finish(timeout=10), run.url)
"""


class Proxy:
    """A real forward proxy: absolute addresses and CONNECT; every host is the one it is told."""

    def __init__(self, target):
        outer = self
        self.seen, self.auth = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_): pass

            def do_CONNECT(self):
                outer.seen.append("CONNECT " + self.path)
                outer.auth.append(self.headers.get("proxy-authorization"))
                there = socket.create_connection(target)
                self.send_response(200)
                self.end_headers()
                outer.pump(self.connection, there)

            def relay(self):
                outer.seen.append(self.path)
                outer.auth.append(self.headers.get("proxy-authorization"))
                path = "/" + self.path.split("/", 3)[3]
                there = socket.create_connection(target)
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                head = "%s %s HTTP/1.1\r\n" % (self.command, path) + "".join("%s: %s\r\n" % item for item in self.headers.items() if item[0].lower() != "connection") + "connection: close\r\n\r\n"
                there.sendall(head.encode() + body)
                while True:
                    data = there.recv(65_536)
                    if not data:
                        break
                    self.wfile.write(data)
                self.close_connection = True

            do_GET = do_POST = do_PUT = do_HEAD = relay

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = "127.0.0.1:%d" % self.server.server_address[1]

    @staticmethod
    def pump(one, other):
        def copy(source, target):
            try:
                while True:
                    data = source.recv(65_536)
                    if not data:
                        break
                    target.sendall(data)
            except OSError:
                pass
            finally:
                try:
                    target.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

        thread = threading.Thread(target=copy, args=(other, one), daemon=True)
        thread.start()
        copy(one, other)
        thread.join(5)


@pytest.fixture
def proxy(receiver):
    made = Proxy(receiver.server.server_address)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_requests_go_through_the_proxy_that_is_set_with_its_password(receiver, proxy, tmp_path):
    out = play(JOB, folder=tmp_path, env={"RUNSTREAM_URL": "http://runstream.internal:7171/prefix", "http_proxy": "http://me:p%40ss@" + proxy.address, "no_proxy": ""})
    assert out.stdout.startswith("True") and len(receiver.points()) == 1
    assert proxy.seen and all(path.startswith("http://runstream.internal:7171/prefix/v1/") for path in proxy.seen)
    assert set(proxy.auth) == {"Basic " + base64.b64encode(b"me:p@ss").decode()}


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "10.0.0.0/8,127.0.0.0/8", "*"])
def test_no_proxy_is_heeded(receiver, proxy, tmp_path, no_proxy):
    out = play(JOB, receiver=receiver, folder=tmp_path, env={"http_proxy": "http://" + proxy.address, "no_proxy": no_proxy})
    assert out.stdout.startswith("True") and proxy.seen == []


def test_a_server_on_this_machine_is_reached_though_the_proxy_for_everything_is_not_there(receiver, tmp_path):
    out = play(JOB, receiver=receiver, folder=tmp_path, env={"http_proxy": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1", "no_proxy": ""})
    assert out.stdout.startswith("True") and len(receiver.points()) == 1


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_https_with_an_authority_of_ones_own_also_through_a_proxy(receiver, proxy, tmp_path, variable):
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=runstream.internal",
                           "-addext", "subjectAltName=DNS:runstream.internal,DNS:localhost"], capture_output=True)
    if made.returncode:
        pytest.skip("needs openssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
    env = {"RUNSTREAM_URL": "https://runstream.internal", "https_proxy": "http://" + proxy.address, "no_proxy": ""}
    out = play(JOB, folder=tmp_path, env={**env, variable: cert})
    assert out.stdout.startswith("True") and len(receiver.points()) == 1, out.stderr
    assert proxy.seen and set(proxy.seen) == {"CONNECT runstream.internal:443"}


def test_an_address_may_have_a_prefix_and_a_password_which_is_not_shown(receiver, tmp_path):
    out = play(JOB, folder=tmp_path, env={"RUNSTREAM_URL": receiver.url.replace("http://", "http://me:hunter2@") + "/tracking/"})
    assert out.stdout.startswith("True") and "hunter2" not in out.stdout and "/tracking/runs/" in out.stdout
    path, headers = next((path, headers) for path, headers in receiver.paths)
    assert path == "/tracking/v1/events" and headers["authorization"] == "Basic " + base64.b64encode(b"me:hunter2").decode()
