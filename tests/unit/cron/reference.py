#!/usr/bin/env python3
"""The next tick of cron expressions by brute force: looks at every minute. Writes tests/data/cron/cases.txt.

usage: reference.py >tests/data/cron/cases.txt
Each line: zone | expression | after | next, in UTC. Knows numbers, lists, ranges and steps; slow on purpose.
"""
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

UTC = timezone.utc
BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


def values(text, low, high):
    found = set()
    for part in text.split(","):
        body, _, step = part.partition("/")
        if body == "*":
            first, last = low, high
        elif "-" in body:
            first, last = map(int, body.split("-"))
        else:
            first = int(body)
            last = high if step else first
        found.update(range(first, last + 1, int(step or 1)))
    return found


class Reference:
    def __init__(self, text):
        words = text.split()
        self.sets = [values(word, *bounds) for word, bounds in zip(words, BOUNDS)]
        self.sets[4] = {day % 7 for day in self.sets[4]}
        self.either = not words[2].startswith("*") and not words[4].startswith("*")
        self.every_hour = self.sets[1] == set(range(24))

    def matches(self, local):
        minute, hour, day, month, weekday = self.sets
        by_day, by_weekday = local.day in day, local.isoweekday() % 7 in weekday
        return (local.minute in minute and local.hour in hour and local.month in month
                and ((by_day or by_weekday) if self.either else (by_day and by_weekday)))

    def next(self, after, zone):
        if self.every_hour:
            at = after.replace(second=0) + timedelta(minutes=1)
            while not self.matches(at.astimezone(zone)):
                at += timedelta(minutes=1)
            return at
        # Every local minute from a day before on; a minute that does not exist ticks when the clock has moved on.
        local = (after.astimezone(zone) - timedelta(days=1)).replace(tzinfo=None, second=0, minute=0)
        while True:
            if self.matches(local):
                at = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
                if at.astimezone(zone).replace(tzinfo=None) != local:  # skipped
                    probe = local
                    while True:
                        probe += timedelta(minutes=1)
                        at = probe.replace(tzinfo=zone, fold=0).astimezone(UTC)
                        if at.astimezone(zone).replace(tzinfo=None) == probe:
                            break
                if at > after:
                    return at
            local += timedelta(minutes=1)


EXPRESSIONS = ["* * * * *", "*/7 * * * *", "30 2 * * *", "0 2 * * *", "15,45 1-3 * * *", "0 0 * * *", "0 9 * * 1-5",
               "0 0 1 * *", "0 0 13 * 5", "59 23 31 * *", "*/5 2 * * *", "0 */6 * * 0", "30 1 * * 7", "0 3 * * *",
               "5/20 * * * *", "0 12 1-7 * 1", "20 4 */2 * *", "0 0 * 3,10 *", "*/10 0-23 * * *", "0 1,2,3 25-31 3,10 *"]
ZONES = ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo"]
MOMENTS = ["2026-03-29T00:59", "2026-03-29T01:00", "2026-10-25T00:00", "2026-10-25T00:59", "2026-10-25T01:30",
           "2026-03-08T06:59", "2026-11-01T05:30", "2026-11-01T06:10", "2026-04-04T14:45", "2026-10-03T15:20",
           "2028-02-28T23:59", "2026-12-31T22:59"]


def main():
    draw = random.Random(47)
    print("# zone | expression | after | next; made by tests/unit/cron/reference.py")
    for expression in EXPRESSIONS:
        for zone in ZONES:
            moments = draw.sample(MOMENTS, 3) + [
                (datetime(2026, 1, 1) + timedelta(minutes=draw.randrange(3 * 525600))).strftime("%Y-%m-%dT%H:%M")]
            for text in moments:
                after = datetime.fromisoformat(text).replace(tzinfo=UTC)
                found = Reference(expression).next(after, ZoneInfo(zone))
                print(f"{zone} | {expression} | {after:%Y-%m-%dT%H:%MZ} | {found:%Y-%m-%dT%H:%MZ}")


if __name__ == "__main__":
    main()
