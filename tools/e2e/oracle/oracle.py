"""Says what a session should have led to, and checks every order that was sent. Prints one JSON document."""

import argparse
import json
import sys
from fractions import Fraction

import levels
import plans
from exact import nanos, rounded, show
from matching import Tape
from session import Session


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--session", required=True, help="folder with the session's files")
    arguments.add_argument("--strategy", required=True, help="strategy as JSON")
    arguments.add_argument("--orders", help="order log as JSON; without it only plans and sizes are computed")
    arguments.add_argument("--equity", default="100000", help="account equity at the start of the day, USD")
    arguments.add_argument("--buying-power", default="400000", help="buying power at the start of the day, USD")
    options = arguments.parse_args()
    session = Session(options.session)
    strategy = json.load(open(options.strategy))
    minutes = strategy["scan"]["opening_range_minutes"]
    found = levels.features(session, session.open + minutes * 60 * 10**9, minutes)
    proposals = plans.rank_and_plan(found, session, strategy)
    decisions = plans.decide(proposals, nanos(options.equity), nanos(options.buying_power), strategy)
    document = {
        "candidates": {s: candidate(f, strategy) for s, f in found.items()},
        "plans": [describe_plan(d) for d in decisions],
    }
    if options.orders:
        document |= orders_and_fills(json.load(open(options.orders)), session, decisions)
    json.dump(document, sys.stdout, indent=1)


def candidate(f, strategy):
    priced = ("prev_close", "open", "atr_14", "premarket_high", "premarket_low", "or_open", "or_high", "or_low", "or_close")
    told = {key: None if f[key] is None else show(f[key]) for key in priced}
    counted = {key: f[key] for key in ("adv_14", "premarket_volume", "or_volume")}
    return told | counted | {"refused_by": plans.refused_by(f, strategy)}


def describe_plan(decision):
    plan = decision["plan"]
    priced = {key: show(plan[key]) for key in ("trigger", "limit", "stop_distance", "stop")}
    return {"symbol": plan["symbol"], "rank": plan["rank"], **priced, **{k: decision[k] for k in ("quantity", "cap", "reason")}}


def orders_and_fills(log, session, decisions):
    """Checks each order against its plan, then plays them all."""
    first = log["items"][0]["session_date"] if log["items"] else None
    calls = [call for call in log["items"] if call["session_date"] == first]
    faults = []
    approved = {d["plan"]["symbol"]: d for d in decisions if d["reason"] is None}
    entries = [c for c in calls if c["method"] == "POST" and is_entry(c) and c["status"] in (200, 201)]
    for call in entries:
        decision = approved.get(call["body"]["symbol"])
        if decision is None:
            faults.append(f"entry for {call['body']['symbol']}, which has no approved plan")
        else:
            faults.extend(check_entry(call["body"], decision))
    sent = sorted(c["body"]["symbol"] for c in entries)
    if sent != sorted(approved):
        faults.append(f"entries sent for {sent}, approved were {sorted(approved)}")
    tape = Tape(session, session.participation)
    fills = tape.play(calls)
    for order in tape.orders:
        if order.leg == "stop" and order.parent is not None and order.parent.state == "filled":
            distance = approved[order.symbol]["plan"]["stop_distance"]
            wanted = plans.stop_for(rounded(Fraction(order.parent.value, order.parent.filled)), distance)
            if order.filled and order.stop != wanted:
                faults.append(f"{order.symbol}: stop at {show(order.stop)}, rule says {show(wanted)}")
    return {
        "fills": [
            {
                "symbol": f["symbol"],
                "side": f["side"],
                "leg": f["leg"],
                "order": str(tape.numbers[f["order"]]),
                "quantity": f["qty"],
                "price": show(f["price"]),
            }
            for f in fills
        ],
        "faults": faults,
    }


def is_entry(call):
    return call["body"]["client_order_id"].rsplit("-", 1)[-1].startswith("E")


def check_entry(body, decision):
    plan = decision["plan"]
    expected = {
        "side": "buy",
        "type": "stop_limit",
        "time_in_force": "day",
        "qty": str(decision["quantity"]),
        "stop_price": show(plan["trigger"]),
        "limit_price": show(plan["limit"]),
    }
    told = {key: body.get(key) for key in expected}
    for key in ("stop_price", "limit_price"):
        told[key] = show(nanos(told[key]))
    stop = show(nanos(body["stop_loss"]["stop_price"]))
    wrong = [f"{plan['symbol']}: {k} is {told[k]}, plan says {v}" for k, v in expected.items() if told[k] != v]
    if stop != show(plan["stop"]):
        wrong.append(f"{plan['symbol']}: stop_loss is {stop}, plan says {show(plan['stop'])}")
    return wrong


main()
