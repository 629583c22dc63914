#!/usr/bin/env python3
"""How long `moontide repl --attach` takes from its start to the first prompt (pty) and to the end of one command (pipe),
and how long a daemon's loop is held while eight consoles run away: the answers of `status` meanwhile.

    tests/bench/attach.py [--short]      with the preset `bench` built; wall time, as that is what a person waits
"""

import json
import os
import pathlib
import pty
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOONTIDE = pathlib.Path(os.environ.get("MOONTIDE_BUILD", ROOT / "build" / "bench")) / "moontide"
ROUNDS = 3 if "--short" in sys.argv[1:] else 40
RUNAWAYS = ["while true do end", "while true do pcall(error) end", "local t = {} while true do t[#t + 1] = {} end",
            "for i = 1, 1e9 do print(i) end", "local s = 'x' while true do s = s .. s end", "while true do targets('performance') end",
            "local t = {} for i = 1, 1e5 do t[i] = -i end table.sort(t, function(a, b) return a < b end)",
            "while true do ('a'):rep(100):find(('.-'):rep(6) .. 'b') end"]


def to_prompt(directory):
    begun = time.perf_counter()
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.environ["TERM"] = "xterm"
        os.execv(MOONTIDE, [str(MOONTIDE), "repl", "--attach"])
    text = b""
    while b"(attached)> " not in text:
        text += os.read(fd, 4096)
    took = time.perf_counter() - begun
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(fd)
    return took


def by_pipe(directory, arguments=("repl", "--attach")):
    """Wall and CPU time."""
    begun = time.perf_counter()
    child = subprocess.Popen([MOONTIDE, *arguments], cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    child.stdin.write(b"1\n")
    child.stdin.close()
    _, child.returncode, used = os.wait4(child.pid, 0)
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime


def console(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(str(path))
    peer.sendall(b'{"command":"console"}\n')
    peer.setblocking(False)
    return peer


def status(path):
    begun = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
        peer.sendall(b'{"command":"status"}\n')
        while peer.recv(65536):
            pass
    return time.perf_counter() - begun


def held(path, texts, seconds):
    peers = [console(path) for _ in range(8)]
    waits, end, n = [], time.monotonic() + seconds, 0
    running = [False] * len(peers)
    while time.monotonic() < end:
        for i, peer in enumerate(peers):
            if not running[i]:
                n += 1
                peer.setblocking(True)
                peer.sendall(json.dumps({"id": n, "run": texts[n % len(texts)]}).encode() + b"\n")
                peer.setblocking(False)
                running[i] = True
        for peer in select.select(peers, [], [], 0)[0]:
            if b'"done"' in peer.recv(1 << 20):
                running[peers.index(peer)] = False
        waits.append(status(path))
    for peer in peers:
        peer.close()
    return waits


def show(name, seconds):
    ms = sorted(s * 1000 for s in seconds)
    print(f"{name:44} median {statistics.median(ms):7.2f} ms   99 % {ms[int(len(ms) * .99) - 1]:7.2f}   most {ms[-1]:7.2f}")


def main():
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["cp", "-r", str(ROOT / "policies"), directory], check=True)
        daemon = subprocess.Popen([MOONTIDE, "run", "--world", "sim"], cwd=directory, stderr=subprocess.DEVNULL)
        path = pathlib.Path(directory) / ".moontide" / "control.sock"
        while not path.exists():
            time.sleep(0.01)
        try:
            show("attach to prompt, pty", [to_prompt(directory) for _ in range(ROUNDS)])
            runs = [by_pipe(directory) for _ in range(ROUNDS)]
            show("attach, one command and end, pipe", [wall for wall, _ in runs])
            show("... its CPU time", [cpu for _, cpu in runs])
            show("... that of `moontide version`", [by_pipe(directory, ["version"])[1] for _ in range(ROUNDS)])
            show("status, nobody else", [status(path) for _ in range(ROUNDS * 5)])
            show("status, eight consoles run away", held(path, RUNAWAYS, ROUNDS / 4))
            if "--each" in sys.argv:
                for text in RUNAWAYS:
                    show(text[:44], held(path, [text], 3))
        finally:
            daemon.terminate()
            daemon.wait()


main()
