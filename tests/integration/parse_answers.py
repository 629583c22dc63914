"""Runs in build/venv: random answers for every operation of some services, written here by the rules of each protocol,
read by botocore and by moontide (parse.lua); prints what differs.

    parse_answers.py TOOL SEED SETS SERVICE[=FILE]...

The arguments are those of serialize_requests.py. One JSON line a difference, then { "operations", "answers" }."""

import base64
import datetime
import email.utils
import json
import sys
from xml.sax.saxutils import escape, quoteattr

import cbor2
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError, create_parser
from serialize_requests import Generator, Tool, is_stream

REQUEST_ID, MESSAGE = "12ab-34cd", "what went <wrong> & why"
XML = ("query", "ec2", "rest-xml")
# The body of an operation without an output.
NOTHING = {"query": b"<Response/>", "ec2": b"<Response/>", "smithy-rpc-v2-cbor": b"\xa0"}


class Answers(Generator):
    def timestamp(self):
        seconds = self.random.randrange(1_000_000_000, 2_000_000_000)
        return self.random.choice([seconds, seconds + 0.5, seconds + 0.125])

    def number(self, shape):  # an answer may hold what no parameter may
        return self.random.choice([0.0, -0.5, 1e-7, 123456.789, 1.7976931348623157e308, super().number(shape)])

    def integer(self, shape):
        if shape.type_name == "long":
            return self.random.choice([0, -1, 2**53 + 1, 2**63 - 1, -(2**63)])
        return self.random.choice([0, -1, 2**31 - 1, -(2**31)])


def seconds_text(value, form):
    moment = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
    if form == "unixTimestamp":
        return repr(value)
    if form == "rfc822":
        return email.utils.format_datetime(moment.replace(microsecond=0), usegmt=True)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{moment.microsecond // 1000:03d}Z" if value % 1 else "Z")


def form_of(shape, usual):
    return shape.serialization.get("timestampFormat", usual)


def scalar_text(shape, value, time_form):
    kind = shape.type_name
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        return seconds_text(value, form_of(shape, time_form))
    if kind == "blob":
        return base64.b64encode(value.encode()).decode()
    return value if isinstance(value, str) else repr(value)


def body_members(shape, value):
    for name, member in shape.members.items():
        if name in value and "location" not in member.serialization:
            yield name, member, value[name]


# ---- JSON and CBOR ----


def json_value(shape, value):
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return value["document"]
        return {m.serialization.get("name", n): json_value(m, v) for n, m, v in body_members(shape, value)}
    if kind == "list":
        return [json_value(shape.member, item) for item in value]
    if kind == "map":
        return {key: json_value(shape.value, item) for key, item in value.items()}
    if kind == "timestamp":
        form = form_of(shape, "unixTimestamp")
        return value if form == "unixTimestamp" else seconds_text(value, form)
    if kind == "blob":
        return scalar_text(shape, value, None)
    return value


def cbor_value(shape, value):
    kind = shape.type_name
    if kind == "structure":
        return {name: cbor_value(member, item) for name, member, item in body_members(shape, value)}
    if kind == "list":
        return [cbor_value(shape.member, item) for item in value]
    if kind == "map":
        return {key: cbor_value(shape.value, item) for key, item in value.items()}
    if kind == "timestamp":
        return cbor2.CBORTag(1, value)
    return value.encode() if kind == "blob" else value


# ---- XML ----


def is_flat(shape):
    return shape.serialization.get("flattened", False)


def element(name, inner, attributes=""):
    return f"<{name}{attributes}>{inner}</{name}>"


def xml_entry(shape, key, value):
    names = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    return xml_value(names[0], shape.key, key) + xml_value(names[1], shape.value, value)


def xml_value(name, shape, value):
    kind = shape.type_name
    if kind == "structure":
        return element(name, xml_members(shape, value), xml_attributes(shape, value))
    if kind == "list":
        item = shape.member.serialization.get("name")
        if is_flat(shape):
            return "".join(xml_value(item or name, shape.member, one) for one in value)
        return element(name, "".join(xml_value(item or "member", shape.member, one) for one in value))
    if kind == "map":
        entries = [xml_entry(shape, key, one) for key, one in value.items()]
        if is_flat(shape):
            return "".join(element(name, entry) for entry in entries)
        return element(name, "".join(element("entry", entry) for entry in entries))
    return element(name, escape(scalar_text(shape, value, "iso8601")))


def xml_attributes(shape, value):
    text = ""
    for name, member, item in body_members(shape, value):
        if member.serialization.get("xmlAttribute"):
            attribute = member.serialization.get("name", name)
            prefix = attribute.partition(":")[0]
            text += f' xmlns:{prefix}="http://www.w3.org/2001/XMLSchema-instance"' if ":" in attribute else ""
            text += f" {attribute}={quoteattr(item)}"
    return text


def xml_members(shape, value):
    return "".join(xml_value(member.serialization.get("name", name), member, item)
                   for name, member, item in body_members(shape, value)
                   if not member.serialization.get("xmlAttribute"))  # fmt: skip


# ---- a whole answer ----


def header_text(member, value):
    if member.serialization.get("jsonvalue"):
        return base64.b64encode(json.dumps(value["document"]).encode()).decode()
    if member.type_name == "list":
        return ", ".join(scalar_text(member.member, item, "rfc822") for item in value)
    return scalar_text(member, value, "rfc822")


def write_headers(shape, value, headers):
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        if name in value and location == "header":
            headers[member.serialization.get("name", name)] = header_text(member, value[name])
        if name in value and location == "headers":
            for key, item in value[name].items():
                headers[member.serialization.get("name", "") + key] = item


def write_body(protocol, operation, shape, value):
    payload = shape.serialization.get("payload")
    if payload and protocol in ("rest-json", "rest-xml"):
        member = shape.members[payload]
        if payload not in value:
            return b""
        if member.type_name in ("blob", "string"):
            return value[payload].encode()
        if protocol == "rest-json":
            return json.dumps(json_value(member, value[payload])).encode()
        return xml_value(member.serialization.get("name", payload), member, value[payload]).encode()
    if protocol in ("json", "rest-json"):
        return json.dumps(json_value(shape, value), ensure_ascii=len(value) % 2 == 0).encode()
    if protocol == "smithy-rpc-v2-cbor":
        return cbor2.dumps(cbor_value(shape, value))
    inner = xml_members(shape, value)
    if protocol == "query":
        inner = element(shape.serialization.get("resultWrapper", operation.name + "Result"), inner)
        inner += "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
    return element(operation.name + "Response", inner, ' xmlns="http://example.com/doc/"').encode()


def write_error(protocol, shape, value, code):
    if protocol in ("json", "rest-json"):
        return json.dumps({"__type": "com.amazonaws#" + code, **json_value(shape, value)}).encode()
    if protocol == "smithy-rpc-v2-cbor":
        return cbor2.dumps({"__type": "com.amazonaws#" + code, **cbor_value(shape, value)})
    inner = f"<Code>{escape(code)}</Code><Message>{escape(MESSAGE)}</Message>" + xml_members(shape, value)
    if protocol == "ec2":
        return f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>".encode()
    if protocol == "query":
        return f"<ErrorResponse><Error>{inner}</Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>".encode()
    return f"<Error>{inner}</Error>".encode()


# ---- the same form for both ----


def plain(value, shape=None):
    """What botocore read, as moontide shows it: moments are seconds, bytes are text."""
    if isinstance(value, datetime.datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def same(theirs, ours):
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return theirs.keys() == ours.keys() and all(same(theirs[key], ours[key]) for key in theirs)
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(theirs) == len(ours) and all(map(same, theirs, ours))
    if isinstance(theirs, float) or isinstance(ours, float):
        return isinstance(theirs, (int, float)) and isinstance(ours, (int, float)) and round(theirs, 3) == round(ours, 3) \
            or theirs == ours
    return type(theirs) is type(ours) and theirs == ours


def lower_header_maps(shape, value):
    for name, member in shape.members.items() if shape else ():
        if member.serialization.get("location") == "headers" and isinstance(value.get(name), dict):
            value[name] = {key.lower(): item for key, item in value[name].items()}
    return value


class Case:
    def __init__(self, tool, question, protocol, operation):
        self.tool, self.question, self.protocol, self.operation = tool, question, protocol, operation

    def ask(self, status, headers, body):
        return self.tool.ask({**self.question, "status": status, "headers": headers, "body_hex": body.hex()})

    def read(self, status, headers, body, shape):
        parser = create_parser(self.protocol)
        lowered = {key.lower(): value for key, value in headers.items()}
        return parser.parse({"status_code": status, "headers": Headers(lowered), "body": body, "context": {}}, shape)

    def result(self, generator):
        shape = self.operation.output_shape
        value = generator.structure(shape, 0, [shape.name]) if shape else {}
        headers = {"x-amzn-RequestId": REQUEST_ID}
        body = write_body(self.protocol, self.operation, shape, value) if shape else NOTHING.get(self.protocol, b"")
        if shape and self.protocol.startswith("rest"):
            write_headers(shape, value, headers)
        answer = self.ask(200, headers, body)
        try:
            theirs = lower_header_maps(shape, plain(self.read(200, headers, body, shape)))
        except ResponseParserError:  # a union whose one member is an empty list, which flattened is nothing
            return None if "result" in answer else {"ours": answer}
        if "result" not in answer:
            return {"body": body.decode("utf-8", "backslashreplace"), "ours": answer}
        if same(theirs, answer["result"]):
            return None
        return {"theirs": theirs, "ours": answer["result"], "body": body.decode("utf-8", "backslashreplace")}

    def error(self, generator, shape):
        value = generator.structure(shape, 0, [shape.name])
        for name in ("message", "Message", "Code") if self.protocol in XML else ("message", "Message"):
            value.pop(name, None)
        code = shape.error_code
        message = next((name for name in ("message", "Message") if name in shape.members), None)
        if message and self.protocol not in XML:  # there it is Message, whatever the model says
            value[message] = MESSAGE
        headers = {"x-amzn-RequestId": REQUEST_ID}
        body = write_error(self.protocol, shape, value, code)
        if self.protocol.startswith("rest"):
            write_headers(shape, value, headers)
        theirs = self.read(400, headers, body, None)
        error = self.ask(400, headers, body).get("error", {})
        wanted = {"code": theirs["Error"]["Code"], "status": 400, "request_id": REQUEST_ID}
        wanted["message"] = theirs["Error"].get("Message", "")
        fields = lower_header_maps(shape, plain(self.read(400, headers, body, shape)))
        fields = {key: item for key, item in fields.items() if key.lower() != "message"}
        ours = error.pop("fields", None) or {}
        ours = {key: item for key, item in ours.items() if key.lower() != "message"}
        if error == wanted and same(fields, ours):
            return None
        return {"theirs": {**wanted, "fields": fields}, "ours": {**error, "fields": ours}, "body": body.decode("utf-8", "backslashreplace")}


class Headers(dict):
    """Names of headers know no case."""

    def __contains__(self, key):
        return super().__contains__(key.lower())

    def __getitem__(self, key):
        return super().__getitem__(key.lower())

    def get(self, key, default=None):
        return super().get(key.lower(), default)


def main():
    tool, seed, sets = Tool(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    loader, operations, answers = Loader(), 0, 0
    for argument in sys.argv[4:]:
        name, _, file = argument.partition("=")
        version = loader.determine_latest_version(name, "service-2")
        service = ServiceModel(loader.load_data(f"{name}/{version}/service-2"), name)
        spoken = service.metadata.get("protocols", [])
        protocol = "smithy-rpc-v2-cbor" if "smithy-rpc-v2-cbor" in spoken else service.resolved_protocol
        for operation_name in service.operation_names:
            operation = service.operation_model(operation_name)
            if is_stream(operation):
                continue
            operations += 1
            question = {"service": name, "operation": xform_name(operation_name)}
            if file:
                question["model"] = file
            case = Case(tool, question, protocol, operation)
            for number in range(sets):
                generator = Answers(f"{seed}/{number}/{name}/{operation_name}", [0.5, 1.0, 0.0][number % 3])
                found = [case.result(generator)]
                found += [case.error(generator, shape) for shape in operation.error_shapes]
                answers += len(found)
                for difference in filter(None, found):
                    print(json.dumps({**question, "protocol": protocol, **difference}, default=repr))
    status = tool.end()
    print(json.dumps({"operations": operations, "answers": answers, "status": status}))


if __name__ == "__main__":
    main()
