#!/usr/bin/env python3
"""Writes an access log of an Application Load Balancer that looks like a real one, the same for the same arguments.

    tests/bench/make_access_log.py FILE [--megabytes 1100] [--seed 1]      FILE.gz is written by gzip -6

Twelve targets of three services, paths by Zipf's law, some with numbers or uuids, query strings, lognormal
times, 1 % of errors, 0.2 % without an answer, user agents and a trace id a line as AWS writes them.
"""

import argparse
import datetime
import math
import random
import subprocess

AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "okhttp/4.12.0", "python-requests/2.32.3", "curl/8.5.0", "ELB-HealthChecker/2.0", "Go-http-client/2.0", "-",
]
WORDS = "users orders items cart search login session prices stock images reviews payments invoices events".split()
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup"
CERT = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
POOL = 65536


def paths(rng):
    fixed = [f"/api/v{v}/{a}" + (f"/{b}" if b else "") for v in (1, 2) for a in WORDS for b in ("", *WORDS[:6])]
    rng.shuffle(fixed)
    weights = [1 / (i + 1) for i in range(len(fixed))]
    return rng.choices(fixed, weights, k=POOL)


def tails(rng):
    """What comes behind a path: mostly nothing, sometimes an id, often a query."""
    out = []
    for _ in range(POOL):
        tail = rng.choice(["", "", "", "", f"/{rng.randrange(40)}"])
        if rng.random() < 0.5:
            tail += f"?page={rng.randrange(1, 90)}&sort={rng.choice(WORDS)}&token={rng.getrandbits(64):x}"
        out.append(tail)
    return out


def line_parts(rng):
    """Pools of parts, drawn from for each line: formatting each field anew would take an hour."""
    targets = [(f"10.0.{i % 4}.{20 + i}:{8080 + i % 3}", ("web", "api", "admin")[i % 3]) for i in range(12)]
    times = [f"{rng.lognormvariate(math.log(0.035), 1.1):.3f}" for _ in range(POOL)]
    short = [f"{rng.random() * 0.002:.3f}" for _ in range(POOL)]
    clients = [f"{rng.randrange(11, 220)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}:{rng.randrange(1024, 65536)}"
               for _ in range(POOL)]
    methods = rng.choices(["GET", "POST", "PUT", "DELETE"], [80, 15, 3, 2], k=POOL)
    agents = rng.choices(AGENTS, [30, 15, 20, 6, 10, 5, 3, 5, 4, 2], k=POOL)
    statuses = rng.choices([200, 304, 301, 404, 500, 502], [900, 40, 20, 30, 8, 2], k=POOL)
    sizes = [f"{rng.randrange(80, 2000)} {int(rng.lognormvariate(8, 1.5))}" for _ in range(POOL)]
    return targets, times, short, clients, methods, agents, statuses, sizes


def lines(seed):
    rng = random.Random(seed)
    targets, times, short, clients, methods, agents, statuses, sizes = line_parts(rng)
    path_pool, tail_pool = paths(rng), tails(rng)
    begin, at_us = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc).timestamp(), 0
    while True:
        r = rng.getrandbits(192)
        index = [r >> s & 0xFFFF for s in range(0, 176, 16)]
        target, group = targets[index[0] % 12]
        status, time = statuses[index[1]], times[index[2]]
        answered = index[3] >= 131
        at_us += index[4] % 4000
        second, micro = divmod(at_us, 1000000)
        at = datetime.datetime.fromtimestamp(begin + second, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{micro:06d}Z"
        trace = f"Root=1-{int(begin) + second:08x}-{rng.getrandbits(96):024x}"
        values = f"{short[index[5]]} {time} 0.000 {status} {status}" if answered else "-1 -1 -1 504 -"
        yield (f'https {at} app/shop/50dc6c495c0c9188 {clients[index[6]]} {target} {values} {sizes[index[7]]} '
               f'"{methods[index[8]]} https://shop.example.com:443{path_pool[index[9]]}{tail_pool[index[10]]} HTTP/2.0" '
               f'"{agents[index[2]]}" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.3 {ARN}/{group}/73e2d6bc24d8a067 "{trace}" '
               f'"shop.example.com" "{CERT}" 1 {at} "forward" "-" "-" "{target}" "{status if answered else "-"}" "-" "-" '
               f'TID_{rng.getrandbits(64):016x}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--megabytes", type=int, default=1100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    left = options.megabytes * 1000000
    with open(options.file, "w", encoding="ascii") as out:
        for line in lines(options.seed):
            out.write(line)
            left -= len(line)
            if left <= 0:
                break
    with open(options.file + ".gz", "wb") as packed:
        subprocess.run(["gzip", "-6", "-n", "-c", options.file], stdout=packed, check=True)


if __name__ == "__main__":
    main()
