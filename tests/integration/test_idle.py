"""What the daemon costs while nothing happens: CPU at one tick a minute, and no polling between ticks."""

import pathlib
import time
import unittest

import support

# 0.1 % of a core. A tick of the shipped policy takes 0.2 ms, under the sanitizers 0.4 ms.
CPU_MS_A_MINUTE_MAX = 60
# Voluntary context switches of all threads in a stretch of idleness: what comes may be the end of something that
# began before it. A poll would show as ten a second and more.
IDLE_SWITCHES_MAX = 5
IDLE_S = 3

HOURLY = 'return policy { name = "hourly", every = "1h", targets = { "one" }, evaluate = function() end }'


class Process:
    """What the kernel counts for all threads of a process."""

    def __init__(self, pid):
        self.tasks = pathlib.Path(f"/proc/{pid}/task")

    def cpu_ms(self):
        """User and system time. Of schedstat, in nanoseconds: the ticks of stat are 10 ms, as long as ten of ours."""
        return sum(int((t / "schedstat").read_text().split()[0]) for t in self.tasks.iterdir()) / 1e6

    def voluntary_switches(self):
        lines = (line for t in self.tasks.iterdir() for line in (t / "status").read_text().splitlines())
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


class Idle(support.Case):
    def settled(self, daemon):
        """The process, once nothing of the start is under way."""
        daemon.wait_for("analysis.completed")
        process = Process(daemon.process.pid)

        def quiet():
            before = process.voluntary_switches()
            time.sleep(0.5)
            return process.voluntary_switches() == before
        support.wait_until(quiet, "half a second without a switch")
        return process

    def test_nothing_polls_while_the_next_tick_is_far(self):
        project = self.project(shipped=False)
        project.write("policies/hourly.lua", HOURLY)
        process = self.settled(self.daemon(project, "--world", "sim"))
        switches, cpu_ms = process.voluntary_switches(), process.cpu_ms()
        time.sleep(IDLE_S)  # the stretch that is measured
        self.assertLessEqual(process.voluntary_switches() - switches, IDLE_SWITCHES_MAX)
        self.assertLess((process.cpu_ms() - cpu_ms) * 60 / IDLE_S, CPU_MS_A_MINUTE_MAX)

    def test_one_tick_a_minute_costs_less_than_a_thousandth_of_a_core(self):
        ticks, speed = 5, 60
        daemon = self.daemon(self.project(), "--world", "sim", "--speed", speed)
        process = Process(daemon.process.pid)

        def done():
            return len(daemon.events("analysis.completed"))
        support.wait_until(lambda: done() >= 4, "the first ticks, which fill the windows")
        before, cpu_ms = done(), process.cpu_ms()
        support.wait_until(lambda: done() >= before + ticks, f"{ticks} ticks more")
        # at this speed a tick and the idle second around it; the rest of the minute is the other test
        cost_ms = (process.cpu_ms() - cpu_ms) / (done() - before)
        self.assertLess(cost_ms, CPU_MS_A_MINUTE_MAX, "of CPU a tick")
        print(f"\n{cost_ms:.2f} ms of CPU a tick", flush=True)


if __name__ == "__main__":
    support.main()
