"""The fault injector: a plan drawn from a seed, each fault in a thread of its own, one at a time per target."""

import collections
import random
import threading
import time

from support.client import Client


class Injector(threading.Thread):
    def __init__(self, run):
        super().__init__(daemon=True)
        self.cast, self.stand = run.cast, run.stand
        self.random = random.Random(f"{run.seed} faults")
        self.log = []  # (time, text)
        self.began = time.monotonic()
        self.stopping = threading.Event()
        self.running = []
        self.errors = []
        self.disk_full = 0
        self.counts = collections.Counter()
        self.kinds = self._kinds()

    def _kinds(self):
        cast = self.cast
        workers, core = cast.workers, [cast.core]
        kinds = [(6, self.kill, workers), (3, self.terminate, workers), (6, self.pause, workers),
                 (2, self.slow, workers), (2, self.kill_core, core), (1, self.stop_core, core), (2, self.pause, core)]
        if cast.databases:
            kinds += [(2, self.kill, cast.databases), (2, self.outage, cast.databases), (2, self.stall, cast.databases)]
        if cast.disks:
            kinds += [(2, self.fill, cast.disks)]
        if cast.wires:
            kinds += [(5, self.cut, cast.wires), (1, self.flap, cast.wires)]
        return kinds

    def say(self, text):
        self.log.append((time.monotonic(), text))

    def run(self):
        while not self.stopping.wait(self.random.uniform(0.3, 3.0)):
            kind = self.random.choices(self.kinds, [k[0] for k in self.kinds])[0]
            target, dice = self.random.choice(kind[2]), random.Random(self.random.random())
            thread = threading.Thread(target=self._do, args=(kind[1], target, dice), daemon=True)
            self.running.append(thread)
            thread.start()

    def _do(self, fault, target, dice):
        if not target.lock.acquire(blocking=False):
            return
        try:
            self.counts[fault.__name__] += 1
            fault(target, dice)
        except Exception as e:  # reported at the end: a run whose faults fail proves nothing
            self.errors.append(f"{fault.__name__} {target.name}: {e!r}")
        finally:
            target.lock.release()

    def finish(self):
        self.stopping.set()
        self.join(10)
        for thread in self.running:
            thread.join(60)

    # ---- faults; each leaves its target as it was

    def kill(self, target, dice):
        self.say(f"kill -9 {target.name}")
        target.kill()
        time.sleep(dice.choice((0, 0.2, dice.uniform(0.5, 3))))
        target.start()
        self.say(f"{target.name} is started again")

    def terminate(self, target, dice):
        self.say(f"SIGTERM {target.name}")
        try:
            target.terminate()
        except AssertionError as e:  # by its own word: a call of its store hung. Nothing else is accepted
            if "has not returned" not in target.service.log()[-2000:]:
                raise
            self.say(f"{target.name}: {e}")
        time.sleep(dice.uniform(0, 3))
        target.start()
        self.say(f"{target.name} is started again")

    def pause(self, target, dice):
        span = dice.uniform(0.5, 4)
        self.say(f"SIGSTOP {target.name} for {span:.1f} s")
        target.pause()
        time.sleep(span)
        target.resume()
        self.say(f"SIGCONT {target.name}")

    def slow(self, target, dice):
        self.say(f"{target.name} is slow")
        for _ in range(dice.randrange(10, 40)):
            target.pause()
            time.sleep(0.09)
            target.resume()
            time.sleep(0.01)
        self.say(f"{target.name} is as before")

    def kill_core(self, target, dice):
        self.say("kill -9 core-data")
        target.kill()
        self._start_core(target, dice)

    def stop_core(self, target, dice):
        self.say("SIGTERM core-data")
        try:
            target.terminate()
        finally:
            self._start_core(target, dice)

    def _start_core(self, target, dice):
        """As a supervisor would: again, if it says that it can't start, as it may while the disk of its spool is full."""
        time.sleep(dice.choice((0, dice.uniform(0, 2))))
        target.start()
        self.stand.core = target.service
        client, end = Client(self.stand.http), time.monotonic() + 20
        while not self._answers(client):
            if time.monotonic() > end:
                raise RuntimeError("it does not answer within 20 s")
            if not target.alive:
                status = target.service.process.returncode
                if status != 1:
                    raise RuntimeError(f"it ended with status {status} at its start")
                time.sleep(0.2)
                target.start()
            time.sleep(0.005)
        client.close()
        target.down[-1][1] = time.monotonic()
        self.say("core-data answers again")

    @staticmethod
    def _answers(client):
        try:
            return client.get("/api/v3/ping").status == 200
        except OSError:
            return False

    def outage(self, target, dice):
        span = dice.uniform(3, 10)
        self.say(f"{target.name} is down for {span:.1f} s")
        target.terminate()
        time.sleep(span)
        target.start()
        self.say(f"{target.name} is back")

    def stall(self, target, dice):
        span = dice.uniform(0.5, 8)
        self.say(f"SIGSTOP {target.name} for {span:.1f} s")
        target.pause()
        time.sleep(span)
        target.resume()
        self.say(f"SIGCONT {target.name}")

    def cut(self, target, dice):
        span = dice.choice((dice.uniform(0.1, 2), dice.uniform(2, 12)))  # the bus takes 2 s to notice
        self.say(f"{target.name} is cut for {span:.1f} s")
        target.cut()
        time.sleep(span)
        target.mend()
        self.say(f"{target.name} is mended")

    def flap(self, target, dice):
        self.say(f"{target.name} has a loose contact")
        for _ in range(dice.randrange(5, 30)):
            target.cut()
            time.sleep(dice.uniform(0.01, 0.4))
            target.mend()
            time.sleep(dice.uniform(0.01, 0.2))
        self.say(f"{target.name} is as before")

    def fill(self, target, dice):
        self.say(f"{target.name} is full")
        self.disk_full += 1
        target.fill()
        time.sleep(dice.uniform(1, 5))
        target.free()
        self.say(f"{target.name} has room again")
