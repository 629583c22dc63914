"""Runs in build/venv: makes random requests, has botocore sign them, and writes both as JSON lines.
sign_requests.py SEED COUNT"""

import base64
import datetime
import json
import random
import sys
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
SIGNERS = {  # (query placement, S3)
    (False, False): botocore.auth.SigV4Auth, (False, True): botocore.auth.S3SigV4Auth,
    (True, False): botocore.auth.SigV4QueryAuth, (True, True): botocore.auth.S3SigV4QueryAuth,
}
TEXT = "abcXYZ019-_.~ /:;,+=&!$'()*@%\"<>[]{}|\\^`\u00e9\u00df\u6f22\uc870\u1234\U0001f30a"
PATH = ("a", "B9", ".", "..", "", "...", "%20", "%2F", "%2f", "a%25b", "a b", "caf\u00e9", "\u6f22\u5b57", "*", "a:b@c",
        "a;b=c,d", "~user", "(x)", "\U0001f30a", "a+b", "[v]", "%E1%88%B4", "!$&'", "-_.~")
NAMES = ("X-Amz-Meta-A", "x-amz-meta-b", "My-Header", "my-header", "content-type", "Content-MD5", "range", "X-Amz-Acl",
         "x-amz-date-not", "x_under", "a", "zzzzzzzz", "zzzzzzzzz", "ZZZZZZZZ1", "X-Amz-Target", "accept", "cache-control",
         # never signed:
         "User-Agent", "expect", "Connection", "transfer-encoding", "X-Amzn-Trace-Id", "TE", "trailer", "upgrade",
         "keep-alive", "proxy-authorization", "Proxy-Authenticate")
VALUE = "abc XYZ\t 01-_=;,\"':/  \u00e9\u6f22"


def text(rng, alphabet, longest):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, longest)))


def path(rng):
    segments = [rng.choice(PATH) if rng.random() < 0.7 else text(rng, TEXT.replace("/", "").replace("%", ""), 8)
                for _ in range(rng.randint(0, 6))]
    # what is no part of a path, and what urlsplit takes out
    return "/" + "/".join(segments).replace("#", "").replace("?", "")


def query(rng, once):
    pairs, seen = [], set()
    for _ in range(rng.choice((0, 0, 1, 2, 3, 10, 40))):
        name = text(rng, TEXT, 6) if rng.random() < 0.8 else rng.choice(("a", "A", "a-", "aa", "a%", "list"))
        if once and (name in seen or not name):
            continue
        seen.add(name)
        value = text(rng, TEXT, 10)
        pair = urllib.parse.quote(name, safe="-_.~")
        if value or rng.random() < 0.5:
            pair += "=" + urllib.parse.quote(value, safe="-_.~")
        if pair:
            pairs.append(pair)
    return "&".join(pairs)


def request(rng):
    presigned, s3 = rng.random() < 0.3, rng.random() < 0.3
    unsigned = rng.random() < 0.2 and not s3 and not presigned
    headers = [("host", "service.eu-west-1.amazonaws.com")]
    for _ in range(rng.randint(0, 8)):
        headers.append((rng.choice(NAMES), text(rng, VALUE, 20)))
    rng.shuffle(headers)
    body = b"" if presigned else rng.choice((b"", b"{}", b"\x00\xff" * 40, rng.randbytes(rng.randint(0, 2000))))
    return {
        "method": rng.choice(METHODS), "path": path(rng), "query": query(rng, presigned), "headers": headers,
        "body": base64.b64encode(body).decode(), "region": rng.choice(("us-east-1", "eu-west-1", "cn-north-1")),
        "service": "s3" if s3 else rng.choice(("monitoring", "execute-api", "sts")),
        "id": "AKID" + text(rng, "ABCDEFGH234567", 16), "secret": "s" + text(rng, "abcXYZ/+09", 60),
        "token": rng.choice((None, "token/+==" + text(rng, "abcXYZ/+=09", 400))),
        "time": rng.randint(0, 4_000_000_000), "placement": "query" if presigned else "headers",
        "expires": rng.choice((1, 60, 3600, 604800)), "normalize_path": not s3, "double_encode": not s3,
        "payload_hash": "UNSIGNED-PAYLOAD" if unsigned or (s3 and presigned) else None,
        "sign_content_sha256": not presigned and (s3 or unsigned), "omit_session_token": False,
    }


def signed(one):
    presigned = one["placement"] == "query"
    credentials = botocore.credentials.Credentials(one["id"], one["secret"], one["token"])
    url = "https://service.eu-west-1.amazonaws.com" + one["path"] + ("?" + one["query"] if one["query"] else "")
    asked = botocore.awsrequest.AWSRequest(method=one["method"], url=url, data=base64.b64decode(one["body"]))
    for name, value in one["headers"]:
        asked.headers[name] = value
    if one["payload_hash"] and not presigned:
        asked.context["payload_signing_enabled"] = False
    now = datetime.datetime.fromtimestamp(one["time"], datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda: now
    arguments = [credentials, one["service"], one["region"]] + ([one["expires"]] if presigned else [])
    signer = SIGNERS[presigned, one["service"] == "s3"](*arguments)
    kept = {}
    inner = signer.canonical_request
    signer.canonical_request = lambda r: kept.setdefault("canonical_request", inner(r))
    signer.add_auth(asked)
    kept["out"] = asked.url.partition("?")[2] if presigned else asked.headers["Authorization"]
    return kept


def main():
    rng = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        one = request(rng)
        print(json.dumps({"request": one, **signed(one)}))


main()
