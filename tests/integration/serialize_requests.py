"""Runs in build/venv: random parameters for every operation of some services, serialized by botocore and by
moontide's serialize_tool, which is asked by boto3's names for the operations; prints what differs.

    serialize_requests.py TOOL SEED SETS SERVICE[=FILE]...

TOOL: a command that answers like support/serialize_tool.c, its words separated by white space. One JSON line a difference, then { "operations", "requests" } as the last line. FILE: moontide reads this model in place
of its own."""

import base64
import json
import random
import re
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree

import cbor2
from botocore import xform_name
from botocore.awsrequest import prepare_request_dict
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer

TOKEN = "00000000-0000-4000-8000-000000000000"
DEPTH_MAX = 5
WORDS = ["prod", "a b", "x/y", "1", "A=B&c", "100%", "tilde~dot.", "한국어", "Grüße", "😀", '"quoted"', "<tag a='1'>&",
         "back\\slash", "+plus", "semi;colon,comma", "tab\there", "line\nbreak"]  # fmt: skip


class Generator:
    def __init__(self, seed, share):
        self.random = random.Random(seed)
        self.share = share  # how many of the optional members are given

    def text(self, shape, plain=False):
        if shape.name == "ChecksumAlgorithm":
            return self.random.choice(["CRC32", "SHA1", "SHA256"])
        if shape.enum:
            return self.random.choice(shape.enum)
        words = ["prod", "alpha-1", "z9", "Value.x"] if plain else WORDS
        text = self.random.choice(words) + self.random.choice(["", "", str(self.random.randrange(1000))])
        while len(text) < shape.metadata.get("min", 0):
            text += text
        return text

    def integer(self, shape):
        low = int(shape.metadata.get("min", -9))
        high = int(shape.metadata.get("max", 2**62 if shape.type_name == "long" else low + 99))
        return self.random.choice([low, high, self.random.randint(low, high)])

    def number(self, shape):
        low = shape.metadata.get("min", -1000)
        high = shape.metadata.get("max", low + 2000)
        return self.random.choice([low, low + (high - low) / 4, float(high), low + (high - low) / 3])

    def timestamp(self):
        seconds = self.random.randrange(1_000_000_000, 2_000_000_000)
        return self.random.choice([seconds, seconds + 0.5, seconds + 0.123, "2024-02-29T12:34:56Z",
                                   "2024-02-29T12:34:56.789Z", "2024-12-31T23:59:59+09:00"])  # fmt: skip

    def document(self, depth=0):
        choices = ["text", 5, -1.5, True, None]
        if depth < 3:
            choices += [{"k": self.document(depth + 1), "l": [self.document(depth + 1)]}] * 3
        return self.random.choice(choices)

    def structure(self, shape, depth, stack):
        if getattr(shape, "is_document_type", False):
            return {"document": self.document()}
        members = list(shape.members.items())
        if shape.is_tagged_union:
            usable = [m for m in members if m[1].name not in stack] or members
            members = [self.random.choice(usable)]
            return {name: self.value(member, depth + 1, stack) for name, member in members}
        out = {}
        for name, member in members:
            needed = name in shape.required_members or member.serialization.get("hostLabel")
            needed = needed or member.serialization.get("location") == "uri"
            deep = depth >= DEPTH_MAX or stack.count(member.name) > 1
            if needed or (not deep and self.random.random() < self.share):
                out[name] = self.value(member, depth + 1, stack)
        return out

    def value(self, shape, depth, stack):
        kind = shape.type_name
        location = shape.serialization.get("location")
        if location == "header" and shape.serialization.get("jsonvalue"):
            return {"document": self.document()}
        if kind == "structure":
            return self.structure(shape, depth, stack + [shape.name])
        if kind == "list":
            most = 1 if depth >= DEPTH_MAX else 3
            count = max(shape.metadata.get("min", 0), self.random.randrange(0 if depth < DEPTH_MAX else 1, most + 1))
            items = [self.value(shape.member, depth + 1, stack + [shape.name]) for _ in range(count)]
            return ["a,b" if location == "header" and isinstance(item, str) else item for item in items]
        if kind == "map":
            keys = {self.text(shape.key, plain=location == "headers") for _ in range(self.random.randrange(1, 3))}
            return {key: self.value(shape.value, depth + 1, stack + [shape.name]) if location != "headers" else "x y"
                    for key in sorted(keys, key=lambda key: key.encode())}  # fmt: skip
        if kind == "string":
            return self.text(shape, plain=location == "header" or shape.serialization.get("hostLabel"))
        if kind in ("integer", "long"):
            return self.integer(shape)
        if kind in ("float", "double"):
            return self.number(shape)
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind == "timestamp":
            return self.timestamp()
        if kind == "blob":
            return self.random.choice(["", "bytes", "más bytes\x00\x01"])
        raise AssertionError(kind)


# What goes over the wire, in a form that can be compared.


def one_form(text):
    """botocore writes six digits of a second where three say it all, and a whole float in XML as 5.0."""
    return re.sub(r"(T\d\d:\d\d:\d\d\.\d{3})000Z", r"\1Z", re.sub(r">(-?\d+)\.0<", r">\1<", text))


def sorted_pairs(pairs):
    """Python writes a whole float as 5.0, and a small one as 1e-05."""
    return sorted((key, repr(float(value)) if re.fullmatch(r"-?\d+\.?\d*(e[-+]?\d+)?", value) else one_form(value))
                  for key, value in pairs)  # fmt: skip


def canonical_body(protocol, content_type, body):
    if not body:
        return None
    if protocol in ("query", "ec2"):
        return sorted_pairs(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
    if protocol == "smithy-rpc-v2-cbor":
        return json.dumps(cbor2.loads(body), sort_keys=True, default=repr)
    if protocol == "json" or (protocol == "rest-json" and content_type == "application/json"):
        return json.loads(one_form(body.decode()))
    if protocol == "rest-xml" and content_type == "application/xml":
        return xml.etree.ElementTree.canonicalize(one_form(body.decode()))
    return body.decode("utf-8", "backslashreplace")


def theirs(service, operation, params, protocol):
    given = dict(params)
    for name in operation.idempotent_members:
        given.setdefault(name, TOKEN)
    request = create_serializer(protocol).serialize_to_request(given, operation)
    prepare_request_dict(request, "https://host")
    url = urllib.parse.urlsplit(request["url"])
    body = request["body"]
    if isinstance(body, dict):
        body = urllib.parse.urlencode(body, doseq=True).encode()
    return {
        "method": request["method"],
        "path": url.path,
        "query": sorted_pairs(urllib.parse.parse_qsl(url.query, keep_blank_values=True)),
        "host_prefix": request.get("host_prefix", "") or "",
        "headers": {name.lower(): str(value) for name, value in request["headers"].items()},
        "body": body,
    }


def ours(answer):
    path, _, query = answer["uri"].partition("?")
    return {
        "method": answer["method"],
        "path": path,
        "query": sorted_pairs(urllib.parse.parse_qsl(query, keep_blank_values=True)),
        "host_prefix": answer["host_prefix"],
        "headers": {name.lower(): value for name, value in answer["headers"]},
        "body": bytes.fromhex(answer["body_hex"]) if "body_hex" in answer else base64.b64decode(answer["body"]),
    }


# Headers of ours that botocore's serializer has not: it leaves the type of a raw or XML body open, and adds checksums
# later.
OWN = {"content-type", "x-amz-sdk-checksum-algorithm"}


def differences(their, our, protocol):
    found = {}
    for name, value in our["headers"].items():  # where botocore drops the fraction of a second
        our["headers"][name] = re.sub(r"(T\d\d:\d\d:\d\d)\.\d+Z$", r"\1Z", value)
    for part in ("method", "path", "query", "host_prefix"):
        if their[part] != our[part]:
            found[part] = [their[part], our[part]]
    extra = {name for name in our["headers"] if name not in their["headers"] and name not in OWN}
    extra = {name for name in extra if not name.startswith("x-amz-checksum-")}
    for name in set(their["headers"]) | extra:
        if their["headers"].get(name) != our["headers"].get(name):
            found[name] = [their["headers"].get(name), our["headers"].get(name)]
    kind = our["headers"].get("content-type")
    bodies = [canonical_body(protocol, kind, side["body"]) for side in (their, our)]
    if bodies[0] != bodies[1]:
        found["body"] = bodies
    return found


class Tool:
    def __init__(self, command):
        self.process = subprocess.Popen(command.split(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, question):
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


def is_stream(operation):
    return operation.has_event_stream_input or operation.has_event_stream_output


def main():
    tool, seed, sets = Tool(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    loader, operations, requests = Loader(), 0, 0
    for argument in sys.argv[4:]:
        name, _, file = argument.partition("=")
        version = loader.determine_latest_version(name, "service-2")
        # Not load_service_model(): it adds parameters that never go over the wire (RDS: SourceRegion).
        service = ServiceModel(loader.load_data(f"{name}/{version}/service-2"), name)
        # botocore prefers json where a service has both.
        spoken = service.metadata.get("protocols", [])
        protocol = "smithy-rpc-v2-cbor" if "smithy-rpc-v2-cbor" in spoken else service.resolved_protocol
        for operation_name in service.operation_names:
            operation = service.operation_model(operation_name)
            operations += 1
            for number in range(sets):
                generator = Generator(f"{seed}/{number}/{name}/{operation_name}", [0.5, 1.0, 0.0][number % 3])
                shape = operation.input_shape
                params = generator.structure(shape, 0, [shape.name]) if shape else {}
                question = {"service": name, "operation": xform_name(operation_name), "params": params}
                if file:
                    question["model"] = file
                answer = tool.ask(question)
                requests += 1
                if is_stream(operation):
                    found = {} if "not supported" in answer.get("error", "") else {"error": answer}
                elif "error" in answer:
                    found = {"error": answer["error"]}
                else:
                    found = differences(theirs(service, operation, params, protocol), ours(answer), protocol)
                if found:
                    print(json.dumps({**question, "differs": found}))
    status = tool.end()
    print(json.dumps({"operations": operations, "requests": requests, "status": status}))


if __name__ == "__main__":
    main()
