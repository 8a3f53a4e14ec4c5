"""A session as vendor-sim tells it, read from files."""

import csv
import json
from collections import defaultdict
from pathlib import Path

from exact import nanos


class Session:
    def __init__(self, folder):
        folder = Path(folder)
        facts = json.loads((folder / "session.json").read_text())
        self.open = int(facts["open_ns"])
        self.close = int(facts["close_ns"])
        self.premarket_open = int(facts["premarket_open_ns"])
        self.previous_close = int(facts["previous_close_ns"])
        self.participation = int(facts["participation"])
        self.tape, self.trades = [], defaultdict(list)
        for row in rows(folder / "trades.csv"):
            codes = [c for c in row["conditions"].replace("|", ",").split(",") if c]
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
        self.news = defaultdict(list)
        for row in rows(folder / "news.csv"):
            self.news[row["symbol"]].append(int(row["published_ns"]))
        self.symbols = sorted(self.daily)
        self.previous_closes = {symbol: bars[-1]["close"] for symbol, bars in self.daily.items() if bars}


def rows(path):
    with path.open(newline="") as file:
        yield from csv.DictReader(file)
