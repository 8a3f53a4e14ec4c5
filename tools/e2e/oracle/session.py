"""A session as vendor-sim tells it, read from files."""

import csv
import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path

from exact import nanos


class Session:
    def __init__(self, folder):
        folder = Path(folder)
        facts = json.loads((folder / "session.json").read_text())
        self.open, self.close = instant(facts["open"]), instant(facts["close"])
        self.premarket_open = self.open - (5 * 60 + 30) * 60 * 10**9
        self.participation = int(facts["participation_percent"])
        self.tape, self.trades = [], defaultdict(list)
        for row in rows(folder / "trades.csv"):
            codes = row["conditions"].split()
            trade = (int(row["ts_ns"]), nanos(row["price"]), int(row["size"]), codes)
            self.tape.append((trade[0], row["symbol"], *trade[1:]))
            self.trades[row["symbol"]].append(trade)
        self.daily = defaultdict(list)
        for row in rows(folder / "daily.csv"):
            bar = {key: nanos(row[key]) for key in ("open", "high", "low", "close")}
            self.daily[row["symbol"]].append(bar | {"volume": int(row["volume"])})
        self.opening = defaultdict(list)
        for row in rows(folder / "opening.csv"):
            self.opening[row["symbol"]].append(int(row["volume"]))
        self.symbols = sorted(self.daily)
        self.previous_closes = {symbol: bars[-1]["close"] for symbol, bars in self.daily.items() if bars}


def instant(text):
    """RFC 3339 to nanoseconds since the epoch."""
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) * 10**9


def rows(path):
    with path.open(newline="") as file:
        yield from csv.DictReader(file)
