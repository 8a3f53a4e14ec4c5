"""What is known of every symbol when a round falls due, from trades and history alone."""

from fractions import Fraction

from exact import MICROS, rounded

PERIOD = 14

# Finnhub condition codes by what a print with them may still change (consolidated-tape guidance, made stricter).
SETS_ALL = set("1 2 4 6 7 8 13 14 18 19 23 28 29 31 33 34 35 36 38 41".split())
SETS_HIGH_LOW = {"9"}
ODD_LOT = "12"
EXTENDED = "24"
SETS_NOTHING = {"16", "20", "39"}


def may_set_level(codes, regular):
    for code in codes:
        if code == EXTENDED and not regular:
            continue
        if code not in SETS_ALL and code not in SETS_HIGH_LOW:
            return False
    return True


def counts_as_volume(codes):
    return not any(code in SETS_NOTHING for code in codes)


def may_set_last(codes, regular):
    return all(code in SETS_ALL or (code == EXTENDED and not regular) for code in codes)


class Window:
    """Open, high, low, close and volume of the prints with start <= t < end."""

    def __init__(self, start, end, regular):
        self.start, self.end, self.regular = start, end, regular
        self.priced = []
        self.volume = 0
        self.dollars = 0

    def add(self, ts, price, size, codes):
        if not self.start <= ts < self.end:
            return
        if counts_as_volume(codes):
            self.volume += size
            self.dollars += size * price
        if may_set_level(codes, self.regular):
            self.priced.append((ts, price))

    @property
    def open(self):
        return min(self.priced, key=lambda p: p[0])[1] if self.priced else None

    @property
    def close(self):
        last = max(ts for ts, _ in self.priced) if self.priced else None
        return [p for ts, p in self.priced if ts == last][-1] if self.priced else None

    @property
    def high(self):
        return max(p for _, p in self.priced) if self.priced else None

    @property
    def low(self):
        return min(p for _, p in self.priced) if self.priced else None


def wilder_atr(bars):
    """Mean of the first 14 true ranges, then (13 × previous + range) / 14; bars oldest first, prices in 1e-9."""
    ranges = [
        max(today["high"] - today["low"], abs(today["high"] - before["close"]), abs(today["low"] - before["close"]))
        for before, today in zip(bars, bars[1:])
    ]
    if len(ranges) < PERIOD:
        return None
    value = Fraction(sum(ranges[:PERIOD]), PERIOD)
    for r in ranges[PERIOD:]:
        value = (value * (PERIOD - 1) + r) / PERIOD
    return rounded(value)


def average_volume(bars):
    return rounded(Fraction(sum(b["volume"] for b in bars[-PERIOD:]), PERIOD)) if len(bars) >= PERIOD else None


def features(session, due, opening_minutes):
    """One dict per symbol of the session's history, as of `due`."""
    range_end = session.open + opening_minutes * 60 * 10**9
    found = {}
    for symbol in session.symbols:
        bars, earlier = session.daily[symbol], session.opening[symbol]
        premarket = Window(session.premarket_open, session.open, regular=False)
        opening = Window(session.open, range_end, regular=True)
        regular = Window(session.open, session.close, regular=True)
        last = None
        for ts, price, size, codes in session.trades[symbol]:
            if ts >= due:
                continue
            for window in (premarket, opening, regular):
                window.add(ts, price, size, codes)
            in_hours = session.open <= ts < session.close
            if may_set_last(codes, in_hours) and (last is None or ts >= last[0]):
                last = (ts, price)
        prev_close = bars[-1]["close"] if bars else None
        atr = wilder_atr(bars)
        usual = sum(earlier[-PERIOD:])
        rvol = None
        if len(earlier) >= PERIOD and usual:
            rvol = rounded(Fraction(opening.volume * PERIOD, usual) * MICROS)
        found[symbol] = {
            "last": last,
            "prev_close": prev_close,
            "open": regular.open,
            "atr_14": atr,
            "adv_14": average_volume(bars),
            "premarket_high": premarket.high,
            "premarket_low": premarket.low,
            "premarket_volume": premarket.volume,
            "premarket_dollar_volume": premarket.dollars,
            "or_open": opening.open,
            "or_high": opening.high,
            "or_low": opening.low,
            "or_close": opening.close,
            "or_volume": opening.volume,
            "rvol": rvol,
        }
    return found
