"""Plays broker orders against the tape: when each would fill, at what price.

The rules are those that tools/vendor-sim/README.md states. Calls are applied between prints: a call that was made after
`prints` prints of the session acts on the print with that number and later ones.
"""

from exact import nanos

LAST_OK = set("1 2 4 6 7 8 13 14 18 19 23 28 29 31 33 34 35 36 38 41".split())


class Order:
    def __init__(self, ids, symbol, side, kind, qty, stop=None, limit=None, parent=None, leg="exit"):
        self.ids, self.symbol, self.side, self.kind, self.qty = set(ids), symbol, side, kind, qty
        self.stop, self.limit, self.parent, self.leg = stop, limit, parent, leg
        self.state = "held" if parent else "working"
        self.filled, self.value = 0, 0
        self.elected = self.marketable = False
        self.sibling = None
        self.entry = parent or self

    @property
    def leaves(self):
        return self.qty - self.filled

    @property
    def average(self):
        return self.value / self.filled if self.filled else None

    def arm(self, mark):
        self.state = "working"
        if self.kind == "limit" and mark:
            self.marketable = self.limit >= mark if self.side == "buy" else self.limit <= mark

    def price_at(self, print_price):
        """What a share trades at against a print, or None."""
        buy = self.side == "buy"
        if self.stop is not None:
            self.elected |= print_price >= self.stop if buy else print_price <= self.stop
        if self.kind == "market":
            return print_price
        if self.kind == "limit":
            inside = print_price <= self.limit if buy else print_price >= self.limit
            return None if not inside else print_price if self.marketable else self.limit
        if not self.elected:
            return None
        if self.kind == "stop":
            return print_price
        worse = max(print_price, self.stop) if buy else min(print_price, self.stop)
        inside = worse <= self.limit if buy else worse >= self.limit
        return worse if inside else None


class Tape:
    """One session's broker: orders by symbol, fills in order."""

    def __init__(self, session, participation):
        self.session, self.participation = session, participation
        self.orders, self.fills, self.mark = [], [], dict(session.previous_closes)
        self.numbers = {}

    def working(self, symbol):
        return [o for o in self.orders if o.symbol == symbol and o.state in ("working", "held")]

    def find(self, order_id):
        return next((o for o in self.orders if order_id in o.ids), None)

    def play(self, calls):
        """Applies `calls` (the order log, in order) and every print of the session."""
        calls = [c for c in calls if c["status"] in (200, 201, 204)]
        at = 0
        for number, (ts, symbol, price, size, codes) in enumerate(self.session.tape):
            while at < len(calls) and calls[at]["prints"] <= number:
                self.call(calls[at])
                at += 1
            in_hours = self.session.open <= ts < self.session.close
            if in_hours and all(code in LAST_OK for code in codes):
                self.print(symbol, price, size, ts)
        for call in calls[at:]:
            self.call(call)
        return self.fills

    def print(self, symbol, price, size, ts):
        self.mark[symbol] = price
        capacity = max(1, size * self.participation // 100)
        for order in self.working(symbol):
            if order.state != "working":
                continue
            fill_price = order.price_at(price)
            qty = min(order.leaves, capacity) if fill_price is not None else 0
            if qty:
                capacity -= qty
                self.fill(order, qty, fill_price, ts)
        for order in self.working(symbol):
            if order.state == "held" and order.parent.state == "filled":
                order.arm(price)

    def fill(self, order, qty, price, ts):
        self.numbers.setdefault(order, len(self.numbers))
        order.filled += qty
        order.value += qty * price
        if order.leaves == 0:
            order.state = "filled"
        self.fills.append(
            {"symbol": order.symbol, "side": order.side, "leg": order.leg, "qty": qty, "price": price, "ts": ts, "order": order}
        )
        other = order.sibling
        if other and other.state in ("working", "held"):
            if other.leaves <= qty:
                other.state = "canceled"
            else:
                other.qty -= qty

    def call(self, call):
        method, path, body, answer = call["method"], call["path"].split("?")[0], call["body"], call["answer"]
        if method == "POST" and path == "/v2/orders":
            self.post(body, answer)
        elif method == "PATCH":
            self.replace(path.rsplit("/", 1)[1], body, answer)
        elif method == "DELETE" and path.startswith("/v2/orders/"):
            self.cancel(self.find(path.rsplit("/", 1)[1]))

    def post(self, body, answer):
        price = lambda value: None if value is None else nanos(value)
        symbol, qty, side = body["symbol"], int(body["qty"]), body["side"]
        leg = {"E": "entry", "S": "stop", "T": "target", "X": "exit"}[body["client_order_id"].rsplit("-", 1)[1][0]]
        entry = Order([answer["id"]], symbol, side, body["type"], qty, price(body.get("stop_price")), price(body.get("limit_price")), leg=leg)
        entry.arm(self.mark.get(symbol))
        self.orders.append(entry)
        legs = []
        other = "sell" if side == "buy" else "buy"
        for leg_answer in answer.get("legs") or []:
            stop = price(leg_answer.get("stop_price"))
            kind = leg_answer["type"]
            name = "stop" if stop is not None else "target"
            legs.append(Order([leg_answer["id"]], symbol, other, kind, qty, stop, price(leg_answer.get("limit_price")), entry, name))
        if len(legs) == 2:
            legs[0].sibling, legs[1].sibling = legs[1], legs[0]
        self.orders.extend(sorted(legs, key=lambda o: o.leg == "stop"))

    def replace(self, order_id, body, answer):
        order = self.find(order_id)
        order.ids.add(answer["id"])
        self.orders.remove(order)
        self.orders.append(order)
        if body.get("stop_price") is not None:
            order.stop, order.elected = nanos(body["stop_price"]), False
        if body.get("limit_price") is not None:
            order.limit = nanos(body["limit_price"])
        if body.get("qty") is not None:
            order.qty = int(body["qty"])
        if order.state == "working":
            order.arm(self.mark.get(order.symbol))

    def cancel(self, order):
        if order is None or order.state not in ("working", "held"):
            return
        if order.parent is not None and order.parent.state == "working":
            order = order.parent
        order.state = "canceled"
        group = [o for o in self.orders if o is not order and (o.parent is order or o.sibling is order)]
        for other in group:
            if other.state in ("working", "held"):
                other.state = "canceled"
