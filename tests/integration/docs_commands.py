"""The commands that documentation names, held against the program's own table (by --help) and the files of the project."""

import functools
import json
import pathlib
import re
import shlex
import subprocess

import support


def usage(*words):
    return subprocess.run([str(support.MOONTIDE), *words, "--help"], capture_output=True, text=True,
                          env=support.clean_environment()).stdout


@functools.cache
def table():
    """{ "alerts list": { "operands": "", "options": { "-world": "WORLD", "v": None }, "summary": "..." } }"""
    commands = {}
    for line in subprocess.run([str(support.MOONTIDE), "help"], capture_output=True, text=True).stdout.splitlines():
        found = re.match(r"  ([a-z]+(?: [a-z]+)?)(?: (\S.*?))?  +(\S.*)$", line)
        if found and not line.startswith("  moontide"):
            name, operands, summary = found.groups()
            text = usage(*name.split())
            commands[name] = {"operands": operands or "", "summary": summary,
                              "options": {o: v or None for o, v in re.findall(r"^  -(-?[\w-]+)(?: (\S+))?  +\S", text, re.M)}}
    return commands


def find(words, commands):
    """The command that words begin with, and how many of them name it."""
    for count in (2, 1):
        name = " ".join(words[:count])
        if len(words) >= count and name in commands:
            return name, count
    return None, 0


def fault_of(command, commands):
    """What is wrong with a command line of documentation; None: nothing. Placeholders in capitals stand for anything."""
    try:
        words = shlex.split(command.replace("\\|", "|").replace("[", " ").replace("]", " "), comments=True)
    except ValueError as error:
        return f"{command}: {error}"
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if not words:
        return None
    program = words[0]
    if program.startswith(("scripts/", "tests/", "./")) or program == "cp":
        return files_fault(command, words)
    if program == "cmake" and "--preset" in words:
        presets = json.loads((support.ROOT / "CMakePresets.json").read_text())["configurePresets"]
        if words[words.index("--preset") + 1] not in {p["name"] for p in presets}:
            return f"{command}: there is no such preset"
        return None
    if program != "moontide" or len(words) == 1:
        return None
    if words[1] in ("help", "COMMAND", "--version", "--help", "-h"):
        return None
    name, count = find(words[1:], commands)
    if not name:
        family = [n for n in commands if n.split()[0] == words[1]]
        return None if family and (len(words) == 2 or words[2].startswith("-h")) else f"{command}: there is no such command"
    for word in words[1 + count:]:
        if word == "--" or commands[name]["operands"].startswith("FILE [ARG"):
            break
        if word.startswith("--"):
            option, _, _ = word[2:].partition("=")
            if f"-{option}" not in commands[name]["options"] and option != "help":
                return f"{command}: `moontide {name}` has no --{option}"
    return None


def files_fault(command, words):
    for word in words:
        if word.startswith(("scripts/", "tests/", "docs/", "policies/", "cookbook/", "packaging/")) and "*" not in word:
            if not (support.ROOT / word).exists():
                return f"{command}: there is no {word}"
    return None


def shell_commands(text):
    """(line from 0, command) of a shell script, as far as documentation goes: parts of pipes and lists are commands of their own."""
    joined, start = "", 0
    for number, line in enumerate(text.splitlines()):
        if not joined:
            start = number
        joined += line
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        for part in re.split(r"\s(?:&&|\|\||\||;)\s", joined) if not re.search(r"['\"].*(\||&&|;).*['\"]", joined) else [joined]:
            yield start, part.strip()
        joined = ""
