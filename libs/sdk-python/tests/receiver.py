"""A real HTTP server that reads EventBatches and keeps what it got, with faults on demand."""
from __future__ import annotations

import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def fields(data):
    at, out = 0, []
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]; at += 1
            value |= (byte & 127) << shift; shift += 7
            if byte < 128:
                return value
    while at < len(data):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            out.append((tag >> 3, varint()))
        elif kind == 1:
            out.append((tag >> 3, struct.unpack("<d", data[at:at + 8])[0])); at += 8
        else:
            size = varint()
            out.append((tag >> 3, data[at:at + size])); at += size
    return out


def unzigzag(value):
    return value >> 1 if value & 1 == 0 else -(value >> 1) - 1


def packed(data):
    out, at = [], 0
    while at < len(data):
        value = shift = 0
        while True:
            byte = data[at]; at += 1
            value |= (byte & 127) << shift; shift += 7
            if byte < 128:
                break
        out.append(unzigzag(value))
    return out


def sums(values):
    total, out = 0, []
    for value in values:
        total += value
        out.append(total)
    return out


def read_points(data):
    """[(key, step, time, value)] in the order said"""
    points = []
    for part, block in fields(data):
        if part != 1:
            continue
        keys, steps, times, values = [], [], [], ()
        for number, value in fields(block):
            if number == 1: keys.append(value.decode())
            elif number == 2: steps = sums(packed(value))
            elif number == 3: times = sums(packed(value))
            elif number == 4: values = struct.unpack("<%dd" % (len(value) // 8), value)
            elif number == 5: values = struct.unpack("<%df" % (len(value) // 4), value)
        assert len(values) == len(keys) * len(steps)
        for k, key in enumerate(keys):
            for i, step in enumerate(steps):
                points.append((key, step, times[i] if times else None, values[k * len(steps) + i]))
    return points


class Receiver:
    def __init__(self, port=0):
        self.events = {}          # (writer, topic, seq) -> (name, attempt, rank, data, id)
        self.order = []
        self.resent = 0
        self.ended_at_ms = 0
        self.requests = 0
        self.artifacts = {}
        self.uploads = {}
        self.launches = {}
        self.fault = lambda number: None   # "lose": handle, then cut; "cut": cut before; int: answer this status
        self.refuse = lambda name, writer: None   # a code: this event is refused
        self.attempts = []        # what GraphQL says of the attempts of a run
        self.paths = []
        self.refuse_files = False
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_): pass

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def cut(self):
                self.close_connection = True
                self.connection.close()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.paths.append((self.path, dict(self.headers)))
                if self.path.endswith("/graphql"):
                    return self.answer(200, json.dumps({"data": {"run": {"attempts": outer.attempts}}}).encode())
                if self.path.endswith("/complete"):
                    digest = json.loads(body)["digest"]
                    outer.artifacts[digest] = outer.uploads.pop(self.path.split("/")[-2])
                    return self.answer(201, json.dumps({"digest": digest}).encode())
                with outer.lock:
                    outer.requests += 1
                    fault = outer.fault(outer.requests)
                if fault == "cut":
                    return self.cut()
                if isinstance(fault, int):
                    return self.answer(fault, b"{}", Retry_After="0")
                results = outer.take(body)
                if fault == "lose":
                    return self.cut()
                refused = all(result["status"] == "refused" for result in results)
                self.answer(400 if refused else 200, json.dumps({"results": results, "position": ""}).encode(), content_type="application/json")

            def do_HEAD(self):
                name = self.path.split("/")[-1]
                if "/uploads/" in self.path:
                    return self.answer(200, Upload_Offset=str(len(outer.uploads.get(name, b""))))
                self.answer(200 if name in outer.artifacts else 404)

            def do_PATCH(self):
                name = self.path.split("/")[-1]
                assert int(self.headers["upload-offset"]) == len(outer.uploads.get(name, b""))
                outer.uploads[name] = outer.uploads.get(name, b"") + self.rfile.read(int(self.headers["content-length"]))
                self.answer(204, Upload_Offset=str(len(outer.uploads[name])))

            def do_PUT(self):
                if outer.refuse_files:
                    self.rfile.read(int(self.headers["content-length"]))
                    return self.answer(422, b"no")
                outer.artifacts[self.path.split("/")[-1]] = self.rfile.read(int(self.headers["content-length"]))
                self.answer(201, b"{}")

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, body):
        results = []
        with self.lock:
            for _, raw in fields(body):
                event = dict(fields(raw))
                writer = dict(fields(event[6]))
                name = event[2].decode().split(".")[1]
                topic = "telemetry" if name in ("PointsLogged", "LinesLogged", "ValuesLogged", "HeartbeatSent") else "runs"
                who = (writer[1].decode(), topic, writer[4])
                code = self.refuse(name, writer[1].decode())
                if code:
                    results.append({"id": event[1].decode(), "status": "refused", "code": code, "message": "no"})
                    continue
                said = (name, writer.get(2, 0), writer.get(3, 0), event.get(7, b""), event[1].decode(), event[4].decode())
                if who in self.events:
                    self.resent += 1
                    assert self.events[who] == said, "sent again under the same number with another content"
                else:
                    self.events[who] = said
                    self.order.append((who, said))
                    if name == "RunFinished":
                        self.ended_at_ms = unzigzag(event[5])
                result = {"id": said[4], "status": "accepted", "position": "%s/0@1" % topic}
                if name == "RunStarted":
                    launch = dict(fields(said[3]))[12]
                    result["attempt"] = writer.get(2, 0) or self.launches.setdefault(said[5], {}).setdefault(launch, len(self.launches[said[5]]) + 1)
                results.append(result)
        return results

    def named(self, name):
        return [said for _, said in list(self.order) if said[0] == name]

    def points(self):
        return [point for said in self.named("PointsLogged") for point in read_points(said[3])]

    def seqs(self):
        found = {}
        for writer, topic, seq in self.events:
            found.setdefault((writer, topic), []).append(seq)
        return {who: sorted(seqs) for who, seqs in found.items()}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
